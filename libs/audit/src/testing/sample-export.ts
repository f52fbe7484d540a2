import { newId, type AuditEvent } from '@keyward/contracts';
import { buildAuditEvent } from '../audit-event.js';
import { chainHash, GENESIS_HASH, type ChainPosition } from '../chain.js';
import { signCheckpoint } from '../checkpoint/sign.js';
import type { CheckpointSigner } from '../checkpoint/signer.js';
import type { ExportLine } from '../export/lines.js';

export interface SampleOptions {
  signer: CheckpointSigner;
  org?: string;
  /** How many. */
  events?: number;
  /** A checkpoint behind every so many events, besides the one at the end. */
  checkpointEvery?: number;
  event?: (index: number, org: string) => AuditEvent | Record<string, unknown>;
}

export interface SampleExport {
  org: string;
  lines: ExportLine[];
  head: ChainPosition;
  /** In their order. */
  checkpoints: string[];
}

const AT = '2026-03-04T05:06:07.000Z';

export function sampleEvent(index: number, org: string): AuditEvent {
  return buildAuditEvent({
    type: 'connection.refreshed',
    org,
    actor: { kind: 'service', id: 'token-refresher' },
    traceId: '0123456789abcdef0123456789abcdef',
    reason: `number ${index}`,
  });
}

/** A sound export of a whole trail. */
export async function sampleExport(options: SampleOptions): Promise<SampleExport> {
  const { signer, org = newId('org'), events = 10, checkpointEvery = 4, event = sampleEvent } = options;
  const lines: ExportLine[] = [{ kind: 'export', v: 1, organization: org, from: null, filter: null, at: AT }];
  const checkpoints: string[] = [];
  let hash = GENESIS_HASH;
  let previous = 0;
  for (let seq = 1; seq <= events; seq++) {
    const value = event(seq, org);
    const prevHash = hash.toString('hex');
    hash = chainHash(hash, value);
    lines.push({ kind: 'event', seq, prevHash, hash: hash.toString('hex'), event: value });
    if (seq % checkpointEvery !== 0 && seq !== events) continue;
    const statement = { v: 1, org, seq, hash: hash.toString('hex'), at: AT, events: seq - previous, previous } as const;
    const jws = await signCheckpoint(statement, signer);
    previous = seq;
    checkpoints.push(jws);
    lines.push({ kind: 'checkpoint', jws });
  }
  const head = { seq: events, hash: hash.toString('hex') };
  lines.push({ kind: 'end', events, head: events === 0 ? null : head });
  return { org, lines, head, checkpoints };
}
