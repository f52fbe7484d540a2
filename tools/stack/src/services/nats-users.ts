import { mintServiceCreds, type NatsAccountName, type NatsOperator, type NatsPermissions } from '@keyward/embedded';
import type { StackPaths } from '../home/paths.js';
import { writePrivate } from '../home/secrets.js';
import { credsFile } from './definitions.js';
import type { ServiceName } from './names.js';

/** What every service needs: to manage and read streams, to acknowledge, and to be answered. */
const EVERYONE = { publish: ['$JS.API.>', '$JS.ACK.>', '_INBOX.>'], subscribe: ['_INBOX.>'] };

/** What each may say and hear besides. Only the gateway starts executions; only the executor completes them. */
const OF_SERVICE: Record<ServiceName, Required<NatsPermissions>> = {
  gateway: {
    publish: ['execution.requested.>', 'audit.>', 'auth.v1.>'],
    subscribe: ['control.revoked', 'execution.completed.>'],
  },
  'auth-service': {
    publish: ['connection.>', 'audit.>', 'control.revoked'],
    subscribe: ['auth.v1.>', 'control.revoked', '$SRV.>'],
  },
  'token-refresher': {
    publish: ['connection.>', 'audit.>', 'dead_letter.>', 'control.revoked'],
    subscribe: ['control.revoked'],
  },
  'tool-executor': {
    publish: ['execution.completed.>', 'credential.refresh.>', 'audit.>', 'dead_letter.>', 'auth.v1.>'],
    subscribe: ['control.revoked'],
  },
  'audit-service': { publish: ['dead_letter.>'], subscribe: ['control.revoked'] },
};

/** The gateway's second login, among the agents: it hears their calls and answers them, and asks nothing. */
const BRIDGE: NatsPermissions = { publish: ['_INBOX.>', 'tool.result.>'], subscribe: ['tool.execute.>'] };

/** Writes a credentials file for each service. They are made anew at every start, so that a changed permission takes effect. */
export async function writeNatsUsers(operator: NatsOperator, paths: StackPaths): Promise<void> {
  const write = async (account: NatsAccountName, name: string, permissions: NatsPermissions): Promise<void> =>
    writePrivate(credsFile(paths, name), await mintServiceCreds(operator, account, name, permissions));
  for (const [service, { publish, subscribe }] of Object.entries(OF_SERVICE)) {
    const permissions = { publish: [...EVERYONE.publish, ...publish], subscribe: [...EVERYONE.subscribe, ...subscribe] };
    await write('KEYWARD', service, permissions);
  }
  await write('AGENTS', 'gateway-agents', BRIDGE);
}
