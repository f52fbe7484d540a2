import {
  AgentEntity,
  ConnectSessionEntity,
  OrganizationEntity,
  prepared,
  withOrg,
  type ConnectSessionState,
} from '@keyward/postgres';
import { In, IsNull, LessThan, MoreThan, type DataSource, type EntityManager } from 'typeorm';
import { isSecret, sha256 } from './secrets.js';

const FIND_ORG = { name: 'auth_find_session_org', text: 'SELECT connect.find_session_org($1) AS org' };

/** States in which a session's person is still on the way. */
export const OPEN_STATES: ConnectSessionState[] = ['created', 'opened', 'redirected'];

/** The session whose link this is. A token that can't be one is not even looked up. */
export async function findSession(dataSource: DataSource, token: string): Promise<ConnectSessionEntity | null> {
  if (!isSecret(token)) return null;
  const tokenSha256 = sha256(token);
  const [row] = await prepared<{ org: string | null }>(dataSource, FIND_ORG, [tokenSha256]);
  const org = row?.org ?? null;
  return org === null ? null : withOrg(dataSource, org, (em) => em.findOneBy(ConnectSessionEntity, { tokenSha256, orgId: org }));
}

export interface SessionNames {
  organization: string;
  agents: string[];
}

/** As the person is to see them: the organization, and whoever will be able to use the connection. */
export async function namesOf(dataSource: DataSource, session: ConnectSessionEntity): Promise<SessionNames> {
  const { orgId, agentId, grantees } = session;
  const ids = agentId === null ? grantees : [agentId];
  return withOrg(dataSource, orgId, async (em) => {
    const { name: organization } = await em.findOneByOrFail(OrganizationEntity, { id: orgId });
    const agents = await em.find(AgentEntity, { where: { orgId, id: In(ids) }, order: { name: 'ASC' } });
    return { organization, agents: agents.map(({ name }) => name) };
  });
}

/** Binds the session to the browser that opened it first. False: another one was first, or it is over. */
export async function claimForBrowser(
  dataSource: DataSource,
  session: ConnectSessionEntity,
  browserSha256: Buffer,
): Promise<boolean> {
  return withOrg(dataSource, session.orgId, async (em) => {
    const unclaimed = { ...keyOf(session), state: 'created' as const, browserSha256: IsNull(), expiresAt: MoreThan(new Date()) };
    const { affected } = await em.update(ConnectSessionEntity, unclaimed, { browserSha256, state: 'opened' });
    return affected === 1;
  });
}

/** Moves on a session that is still open. False: something else has ended it. */
export async function advance(
  em: EntityManager,
  session: ConnectSessionEntity,
  change: { state: ConnectSessionState; failure?: string | null; connectionId?: string },
): Promise<boolean> {
  const { affected } = await em.update(ConnectSessionEntity, { ...keyOf(session), state: In(OPEN_STATES) }, change);
  return affected === 1;
}

/** Longer than any of the requests that are made meanwhile. */
const BUSY_MS = 60_000;

/** Of any number of requests at once, one is told true and does the work; it gives the session back, or time does. */
export async function occupy(dataSource: DataSource, session: ConnectSessionEntity): Promise<boolean> {
  const now = new Date();
  return withOrg(dataSource, session.orgId, async (em) => {
    const free = { ...keyOf(session), state: In(OPEN_STATES), busyUntil: LessThan(now) };
    const { affected } = await em.update(ConnectSessionEntity, free, { busyUntil: new Date(now.getTime() + BUSY_MS) });
    return affected === 1;
  });
}

export async function release(dataSource: DataSource, session: ConnectSessionEntity): Promise<void> {
  await withOrg(dataSource, session.orgId, (em) => em.update(ConnectSessionEntity, keyOf(session), { busyUntil: new Date(0) }));
}

function keyOf({ id, orgId }: ConnectSessionEntity): { id: string; orgId: string } {
  return { id, orgId };
}
