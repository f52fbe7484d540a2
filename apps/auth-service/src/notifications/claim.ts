import { prepared } from '@keyward/postgres';
import type { ConnectionKind, WebhookEventType } from '@keyward/contracts';
import type { DataSource } from 'typeorm';

/** The connection as it is now; null: it is gone, or the event is about a registration. */
export interface MessageConnection {
  kind: ConnectionKind;
  alias: string;
  user: string | null;
  agent: string | null;
  scopes: string[];
  /** Of a workspace connection: who may use it. */
  agents: string[];
}

/** A delivery in hand. */
export interface Claimed {
  org_id: string;
  endpoint_id: string;
  event_id: string;
  type: WebhookEventType;
  occurred_at: Date;
  /** Null where it is about a budget. */
  provider: string | null;
  connection_id: string | null;
  provider_app_id: string | null;
  generation: number | null;
  reason: string | null;
  /** This one included. */
  attempts: number;
  claimed_at: Date;
  url: string;
  secret_generation: number;
  sealed_secret: Buffer;
  previous_sealed_secret: Buffer | null;
  connection: MessageConnection | null;
}

/** Longer than one attempt can take. */
export const LEASE_MS = 60_000;
/** At work at a time in this process. */
export const PLACES = 64;
/** Of those, not for endpoints whose last attempt failed: these may take as long as the timeout allows. */
const RESERVED = 32;
const PER_ENDPOINT = 4;
const PER_ORGANIZATION = 16;

const CLAIM = {
  name: 'auth_claim_webhook_deliveries',
  text: 'SELECT * FROM notification.claim_deliveries($1, $2, $3, $4, $5, $6, $7)',
};

/**
 * As many due deliveries as there is room for, fair over organizations and endpoints; see the function in the migration.
 * @throws KeywardError `dependency_unavailable`
 */
export function claimDeliveries(
  dataSource: DataSource,
  inHand: Iterable<Pick<Claimed, 'org_id' | 'endpoint_id'>>,
): Promise<Claimed[]> {
  const held = [...inHand];
  const endpoints = held.map(({ endpoint_id }) => endpoint_id);
  const organizations = held.map(({ org_id }) => org_id);
  const free = PLACES - held.length;
  return prepared<Claimed>(dataSource, CLAIM, [
    LEASE_MS,
    free,
    RESERVED,
    PER_ENDPOINT,
    PER_ORGANIZATION,
    endpoints,
    organizations,
  ]);
}
