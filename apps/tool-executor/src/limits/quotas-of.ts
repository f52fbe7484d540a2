import type { Tool } from '@keyward/connectors';
import type { QuotaGate, QuotaGates } from '@keyward/limits';
import type { UsableConnection } from '../connection/require-connection.js';

/** A declared quota that a call uses. */
export interface CallQuota {
  readonly per: 'app' | 'connection';
  readonly gate: QuotaGate;
}

/** What a call takes from its provider besides a place. */
export interface Claim {
  /** Names what is paused where the provider asks for a pause: its quota, or the account's bucket. The same on every replica. */
  readonly key: string;
  readonly quotas: readonly CallQuota[];
}

const NONE: readonly CallQuota[] = [];
const SECOND_MS = 1_000;

/** An organization has one registration at a provider, so that the two name a registration. */
export function claimOf(gates: QuotaGates, org: string, { provider, limits }: Tool, connection: UsableConnection): Claim {
  const { bucket } = limits;
  const keyFor = (per: CallQuota['per']) =>
    `${org} ${per === 'app' ? 'app' : (connection.id ?? 'anyone')} ${provider.name} ${bucket}`;
  const declared = provider.limits.quotas;
  if (declared.length === 0) return { key: keyFor('connection'), quotas: NONE };
  const ours = declared.filter((quota) => quota.bucket === bucket);
  const quotas = ours.map(({ per, requests, seconds }) => {
    return { per, gate: gates.gate(keyFor(per), { limit: requests, windowMs: seconds * SECOND_MS }) };
  });
  const isOfApp = ours.length > 0 && ours.every(({ per }) => per === 'app');
  return { key: keyFor(isOfApp ? 'app' : 'connection'), quotas };
}
