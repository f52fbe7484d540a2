import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { generateKeyPairSync, sign } from 'node:crypto';
import { buildAuditEvent, chainHash, exportLine, GENESIS_HASH, signCheckpoint, type CheckpointSigner } from '@keyward/audit';
import { publicJwkOf } from '@keyward/audit/verification';

const ORG = 'org_01a1faf1451b74f9ae7351628eb2e49f';
/** As many as a minute brings at sixteen calls per second. */
const CHECKPOINT_EVERY = 1_000;

export type SignerWithKey = CheckpointSigner & { publicKey: object };

export async function freshSigner(): Promise<SignerWithKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk = await publicJwkOf(publicKey);
  if (jwk === undefined) throw new Error('an Ed25519 key is one that signs checkpoints');
  return {
    alg: jwk.alg,
    kid: jwk.kid,
    publicKey: jwk,
    publicJwk: () => jwk,
    sign: (input) => Promise.resolve(sign(null, input, privateKey)),
  };
}

/** Writes the export of a trail of calls, as audit-service gives it. */
export async function writeExport(file: string, events: number, signer: CheckpointSigner): Promise<void> {
  const out = createWriteStream(file);
  const write = async (line: string): Promise<void> => {
    if (!out.write(line)) await once(out, 'drain');
  };
  const at = new Date().toISOString();
  await write(exportLine({ kind: 'export', v: 1, organization: ORG, from: null, filter: null, at }));
  let hash = GENESIS_HASH;
  let previous = 0;
  for (let seq = 1; seq <= events; seq++) {
    const event = call(seq);
    const prevHash = hash.toString('hex');
    hash = chainHash(hash, event);
    await write(exportLine({ kind: 'event', event, seq, prevHash, hash: hash.toString('hex') }));
    if (seq % CHECKPOINT_EVERY !== 0 && seq !== events) continue;
    const statement = { v: 1, org: ORG, seq, hash: hash.toString('hex'), at, events: seq - previous, previous } as const;
    await write(exportLine({ kind: 'checkpoint', jws: await signCheckpoint(statement, signer) }));
    previous = seq;
  }
  await write(exportLine({ kind: 'end', events, head: { seq: events, hash: hash.toString('hex') } }));
  out.end();
  await finished(out);
}

function call(number: number) {
  return buildAuditEvent({
    type: 'execution.completed',
    org: ORG,
    actor: { kind: 'agent', id: 'agt_01a1faf14565743184b9fb3b0e034761' },
    traceId: '0123456789abcdef0123456789abcdef',
    agent: 'agt_01a1faf14565743184b9fb3b0e034761',
    user: `usr_${number % 1000}`,
    connection: 'conn_01a1faf14565743184b9fb3b0e034762',
    tool: 'sandbox_echo',
    toolVersion: '1',
    state: 'succeeded',
    providerStatus: 200,
    attempts: 1,
    durationMs: number % 500,
  });
}
