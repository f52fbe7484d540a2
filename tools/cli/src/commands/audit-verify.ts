import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ExportVerdict } from '@keyward/audit';
import { readLines, verifyExport } from '@keyward/audit/verification';
import { Usage } from '../output/fail.js';
import { tellVerdict } from '../output/verdict.js';
import { readAnchors, readExpectedHead, readKeys } from '../output/proofs.js';
import { under } from './command.js';

/** Of `verify`: 2 also where the command can't even begin. */
const EXIT = { proven: 0, broken: 1, undecided: 2 } as const;

export const verify = under({
  command: 'verify <file>',
  describe: 'Prove an export, offline: exit code 0 proven, 1 broken, 2 not to be told',
  builder: (args) =>
    args
      .positional('file', { type: 'string', demandOption: true, describe: 'The export; - for standard input' })
      .option('keys', { type: 'string', describe: 'JWKS file with the public keys of the deployment, old ones included' })
      .option('keys-url', {
        type: 'string',
        describe: 'The same from an address; that is not offline, and trusts who answers there',
      })
      .option('anchors', { type: 'string', describe: 'Directory with checkpoints that were kept elsewhere' })
      .option('expect-head', { type: 'string', describe: 'A record that you noted, as <seq>:<hash>' }),
  handler: async ({ out }, args) => {
    const { file, keys, keysUrl, anchors, expectHead } = args;
    if (keys !== undefined && keysUrl !== undefined) throw new Usage('Choose one of --keys and --keys-url.');
    const known = await readKeys(keys, keysUrl);
    const expectedHead = readExpectedHead(expectHead);
    const verdict = await verifyExport(readLines(await opened(file)), {
      ...(known === undefined ? {} : { keys: known }),
      ...(anchors === undefined ? {} : { anchors: await readAnchors(anchors) }),
      ...(expectedHead === undefined ? {} : { expectedHead }),
    }).catch(unusable);
    process.exitCode = exitCodeOf(verdict);
    out.answer(verdict, () => tellVerdict(out, verdict, { keys: known !== undefined, noted: expectedHead !== undefined }));
  },
});

function exitCodeOf(verdict: ExportVerdict): number {
  if (!verdict.ok) return EXIT.broken;
  return verdict.proof === 'proven' ? EXIT.proven : EXIT.undecided;
}

async function opened(file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') return process.stdin;
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new Usage(`${file} is not there.`);
  if (found.isDirectory()) throw new Usage(`${file} is a directory.`);
  return createReadStream(file, { highWaterMark: 262_144 });
}

/** A key that is none, or a file that stopped being readable: the verdict is neither way. */
function unusable(thrown: unknown): never {
  throw new Usage(thrown instanceof Error ? thrown.message : String(thrown));
}
