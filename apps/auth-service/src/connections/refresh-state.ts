import type { ConnectionRefresh, ConnectionStatus } from '@keyward/contracts';
import type { EntityManager } from 'typeorm';

/** What is kept beside the sealed tokens of a connection. */
export interface RefreshState {
  connection_id: string;
  access_expires_at: Date | null;
  renewable: boolean;
  refresh_at: Date | null;
  awake_refresh_at: Date | null;
  refresh_expires_at: Date | null;
  last_refreshed_at: Date | null;
  failures: number;
  /** By the database's clock, which refreshes go by. */
  put_off: boolean;
  /** Its registration, by the provider. */
  rejected: boolean;
}

/** Every generation that nobody authorized was a refresh. */
const STATES = `
SELECT k.connection_id, k.access_expires_at, k.renewable, k.refresh_at, k.awake_refresh_at, k.refresh_expires_at, k.failures,
       CASE WHEN k.generation > coalesce(z.generation, 1) THEN k.obtained_at END AS last_refreshed_at,
       coalesce(k.refresh_at > clock_timestamp(), false) AS put_off,
       a.rejected_at IS NOT NULL AS rejected
FROM vault.credential k
JOIN vault.connection c ON c.id = k.connection_id AND c.org_id = $1
LEFT JOIN vault.provider_app a ON a.id = c.provider_app_id AND a.org_id = $1
LEFT JOIN LATERAL (
  SELECT max(h.generation) AS generation FROM vault.connection_authorization h
  WHERE h.connection_id = k.connection_id AND h.org_id = $1
) z ON true
WHERE k.org_id = $1 AND k.connection_id = ANY($2)`;

/** By connection. No sealed byte is read here. */
export async function findRefreshStates(
  em: EntityManager,
  org: string,
  connections: readonly string[],
): Promise<Map<string, RefreshState>> {
  const rows = await em.query<RefreshState[]>(STATES, [org, connections]);
  return new Map(rows.map((row) => [row.connection_id, row]));
}

/** @param state undefined where nothing is held for the connection (any more) */
export function toRefresh(status: ConnectionStatus, state: RefreshState | undefined): ConnectionRefresh {
  const isAutomatic = status === 'active' && state?.renewable === true;
  const waiting = isAutomatic ? waitingOf(state) : null;
  return {
    kind: isAutomatic ? 'automatic' : 'none',
    dueAt: isAutomatic ? iso(state.refresh_at) : null,
    asleep: isAutomatic && waiting === null && sleeps(state),
    lastRefreshedAt: iso(state?.last_refreshed_at),
    failures: state?.failures ?? 0,
    refreshTokenExpiresAt: iso(state?.refresh_expires_at),
    waiting,
  };
}

function waitingOf({ rejected, failures, put_off }: RefreshState): ConnectionRefresh['waiting'] {
  if (rejected) return 'provider_rejects_registration';
  return failures > 0 && put_off ? 'backing_off' : null;
}

/** Nobody has used it for so long that its time while in use is let go by. */
function sleeps({ refresh_at: planned, awake_refresh_at: awake }: RefreshState): boolean {
  return awake !== null && (planned === null || planned.getTime() > awake.getTime());
}

function iso(moment: Date | null | undefined): string | null {
  return moment?.toISOString() ?? null;
}
