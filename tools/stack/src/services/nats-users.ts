import {
  BRIDGE_PERMISSIONS,
  CUSTODY_CLIENT,
  CUSTODY_PERMISSIONS,
  mintServiceCreds,
  servicePermissions,
  type NatsAccountName,
  type NatsOperator,
  type NatsPermissions,
} from '@keyward/nats-accounts';
import type { StackPaths } from '../home/paths.js';
import { writePrivate } from '../home/secrets.js';
import { credsFile } from './definitions.js';
import { SERVICES } from './names.js';

/** Writes a credentials file for each service. They are made anew at every start, so that a changed permission takes effect. */
export async function writeNatsUsers(operator: NatsOperator, paths: StackPaths): Promise<void> {
  const write = async (account: NatsAccountName, name: string, permissions: NatsPermissions): Promise<void> =>
    writePrivate(credsFile(paths, name), await mintServiceCreds(operator, account, name, permissions));
  for (const service of SERVICES) await write('KEYWARD', service, servicePermissions(service));
  await write('KEYWARD', CUSTODY_CLIENT.name, CUSTODY_PERMISSIONS);
  await write('AGENTS', 'gateway-agents', BRIDGE_PERMISSIONS);
}
