import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { prepareInstallation, type Installation } from '../install/prepare.js';
import type { DatabaseAddress } from '../install/database.js';
import { Usage } from '../output/fail.js';
import type { Output } from '../output/output.js';
import { command } from './command.js';

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const HOST = /^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$/;
const NAME = /^[A-Za-z0-9_-]+$/;
const POSTGRES_PORT = 5432;

interface DatabaseOptions {
  'database-host'?: string | undefined;
  'database-port': number;
  'database-name': string;
  'database-parameters': string;
}

/** @throws Usage */
function databaseOf(args: DatabaseOptions): DatabaseAddress | undefined {
  const { 'database-host': host, 'database-port': port, 'database-name': name, 'database-parameters': parameters } = args;
  if (host === undefined) return undefined;
  if (!HOST.test(host)) throw new Usage('--database-host must be the name or IPv4 address of a host.');
  if (!NAME.test(name)) throw new Usage('--database-name must consist of letters, digits, _ and -.');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Usage('--database-port must be a port.');
  return { host, port, name, parameters };
}

/** A URL holds a password, so it comes from a file or standard input and not from the command line. @throws Usage */
async function ownerUrlOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  let url: string;
  try {
    url = (file === '-' ? await text(process.stdin) : readFileSync(file, 'utf8')).trim();
  } catch {
    throw new Usage(`--owner-url-file: ${file} cannot be read.`);
  }
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw new Usage('--owner-url-file must hold a URL such as postgres://owner:…@host:5432/keyward.');
  return url;
}

function tellNext(out: Output, { isNew, files, secrets }: Installation, namespace: string): void {
  out.say(isNew ? `New keys are in ${files.keys}.` : `The keys of ${files.keys} stay; the credentials are new.`);
  out.say(
    'Keep that file as you keep root keys, away from the cluster: with it this directory can be made again, by whoever has it.',
  );
  for (const line of ['', `Secrets: ${secrets.join(', ')}`, '', 'Next:']) out.say(line);
  out.say(`  kubectl create namespace ${namespace}`);
  out.say(`  kubectl apply --server-side -f ${files.secrets}`);
  out.say(`  helm upgrade --install nats nats/nats -n nats --create-namespace -f k8s/nats-values.yaml -f ${files.natsValues}`);
  out.say(`  helm upgrade --install keyward helm/keyward -n ${namespace} -f ${files.values} -f your-values.yaml`);
}

export const install = command({
  command: 'install',
  describe: 'Make the keys, NATS accounts and Secrets that the Helm chart needs; again before every upgrade',
  builder: (args) =>
    args
      .option('out', { type: 'string', demandOption: true, describe: 'Directory for all of it; secret, keep it' })
      .option('namespace', { type: 'string', default: 'keyward', describe: 'Where Keyward will be' })
      .option('database-host', { type: 'string', describe: 'PostgreSQL; left out, its Secrets are yours to make' })
      .option('database-port', { type: 'number', default: POSTGRES_PORT, describe: 'Its port' })
      .option('database-name', { type: 'string', default: 'keyward', describe: 'Its database' })
      .option('database-parameters', { type: 'string', default: '', describe: 'Of the URLs, such as sslmode=verify-full' })
      .option('owner-url-file', {
        type: 'string',
        nargs: 1,
        describe: 'File with the URL of the database’s owner; - for standard input',
      }),
  handler: async (session, args) => {
    if (!NAMESPACE.test(args.namespace)) throw new Usage('--namespace must be the name of a namespace.');
    const [database, ownerUrl] = [databaseOf(args), await ownerUrlOf(args['owner-url-file'])];
    const installation = await prepareInstallation({
      dir: args.out,
      namespace: args.namespace,
      ...(database === undefined ? {} : { database }),
      ...(ownerUrl === undefined ? {} : { ownerUrl }),
    });
    session.out.answer(installation, () => tellNext(session.out, installation, args.namespace));
  },
});
