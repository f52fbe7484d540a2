import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkContracts, print, vendorConnectors } from './check/check.js';
import { extract } from './extract/extract.js';

const USAGE = `Usage: npm run contracts -- extract [connector…] [--specs DIR]
       npm run contracts -- check [connector…]

extract  writes connectors/<connector>/contract.json (or .graphql) anew, from the vendors' descriptions in DIR
         (KEYWARD_VENDOR_SPECS, or ../shared/vendor-specs beside the clone)
check    renders every tool's requests and holds them against those files`;

const CONNECTORS = fileURLToPath(new URL('../../../connectors', import.meta.url));
const SPECS = fileURLToPath(new URL('../../../../shared/vendor-specs', import.meta.url));

const { positionals, values } = parseArgs({ allowPositionals: true, options: { specs: { type: 'string' } } });
const [command, ...connectors] = positionals;
if (command === 'extract') extract(CONNECTORS, values.specs ?? process.env['KEYWARD_VENDOR_SPECS'] ?? SPECS, connectors);
else if (command === 'check') {
  const reports = await checkContracts(CONNECTORS, connectors.length > 0 ? connectors : vendorConnectors(CONNECTORS));
  print(reports, console.log);
  if (reports.some(({ tools }) => tools.some(({ problems }) => problems.length > 0))) process.exitCode = 1;
} else {
  console.error(USAGE);
  process.exitCode = 2;
}
