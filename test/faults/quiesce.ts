import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@keyward/testing';
import type { EventLog } from './event-log.js';
import type { FaultConnection, FaultWorld } from './fault-world.js';
import { readHeld, type Held } from './held.js';

const TIMEOUT_MS = 90_000;
const LOOK_EVERY_MS = 100;
const ASK_WAIT_MS = 10_000;

/** What time would do, at once: pauses after failures end, and tokens end whose successor may never come. What is leased is left alone. */
const HASTEN = `
UPDATE vault.credential k
SET refresh_at = clock_timestamp(),
    access_expires_at = CASE WHEN k.sent_at IS NULL THEN k.access_expires_at ELSE least(k.access_expires_at, clock_timestamp()) END
FROM vault.connection c
WHERE c.id = k.connection_id AND c.id = ANY($1) AND c.status = 'active' AND (k.lease_owner IS NULL OR k.lease_until < clock_timestamp())
  AND (k.failures > 0 OR k.sent_at IS NOT NULL)`;

/** Revoked here, and the provider has not confirmed it yet. */
const BEING_REVOKED = `SELECT 1 FROM vault.provider_revocation WHERE connection_id = ANY($1) AND settled_at IS NULL`;
const DUE = `
SELECT 1 FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
WHERE k.connection_id = ANY($1) AND c.status = 'active' AND k.refresh_at <= clock_timestamp()`;

/**
 * Waits until nothing is under way: no lease, no answer missing, nothing due, nothing to be published.
 * @throws Error with what it still waits for
 */
export async function quiesce(faultWorld: FaultWorld, connections: readonly FaultConnection[], log: EventLog): Promise<Held[]> {
  const { admin } = faultWorld.world;
  const ids = connections.map(({ connection }) => connection);
  const givesUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    await admin.query(HASTEN, [ids]);
    const held = await Promise.all(connections.map((one) => readHeld(faultWorld, one)));
    const busy = held.filter((one) => !isSettled(one)).length;
    const due = (await admin.query(DUE, [ids])).rowCount ?? 0;
    const revoking = (await admin.query(BEING_REVOKED, [ids])).rowCount ?? 0;
    if (busy + due + revoking === 0 && (await log.outboxIsEmpty())) return held;
    if (performance.now() > givesUpAt) {
      const open = held.flatMap((one, at) => (isSettled(one) ? [] : [`${ids[at]}: ${JSON.stringify(withoutTokens(one))}`]));
      throw new Error(`It does not come to rest: ${due} due, ${revoking} being revoked; ${open.join('; ')}`);
    }
    await delay(LOOK_EVERY_MS);
  }
}

/** Whatever is active refreshes once more, in a world without faults: what is stored is what the provider takes. */
export async function refreshAll(
  faultWorld: FaultWorld,
  connections: readonly FaultConnection[],
  held: readonly Held[],
): Promise<void> {
  await Promise.all(
    connections.map(async (connection, at) => {
      const { status, generation } = held[at] as Held;
      if (status !== 'active') return;
      const refreshed = async () => {
        const reply = await faultWorld.ask(connection, { newerThan: generation, waitMs: ASK_WAIT_MS });
        if (reply.outcome === 'refreshed') return true;
        throw new Error(`${connection.behaviour} ${connection.connection} is not refreshed: ${JSON.stringify(reply)}`);
      };
      // A breaker that the faults have opened closes by itself.
      await waitFor(refreshed, { timeoutMs: 30_000, intervalMs: 200, what: 'a refresh without faults' });
    }),
  );
}

/** No clock refreshes these any more, so that they do not come in between what is tried next. */
export async function retire({ world }: FaultWorld, connections: readonly FaultConnection[]): Promise<void> {
  const ids = connections.map(({ connection }) => connection);
  await world.admin.query('UPDATE vault.credential SET refresh_at = NULL WHERE connection_id = ANY($1)', [ids]);
}

function isSettled({ status, leased, sent, failures }: Held): boolean {
  return status !== 'active' || (!leased && !sent && failures === 0);
}

function withoutTokens({ accessToken: _access, refreshToken: _refresh, ...rest }: Held): object {
  return rest;
}
