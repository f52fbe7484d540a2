import type { Tool } from '@keyward/connectors';
import type { ExecutionRequested } from '@keyward/contracts';
import type { CallQuery } from '@keyward/credentials';

/** The connection that a call uses when it names none. */
export const DEFAULT_ALIAS = 'default';

export function callQuery(request: ExecutionRequested, { provider }: Tool, connection = request.connection): CallQuery {
  return {
    org: request.org,
    agent: request.agent,
    user: request.user,
    connector: provider.name,
    provider: provider.name,
    alias: DEFAULT_ALIAS,
    ...(connection === undefined ? {} : { connection }),
  };
}
