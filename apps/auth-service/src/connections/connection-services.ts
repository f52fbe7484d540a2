import type { ControlRevoked } from '@keyward/contracts';
import type { Logger } from 'pino';
import { OrganizationShredder } from '../identity/shred-organization.js';
import { Connections } from './connections.js';
import { ConnectWithoutBrowser, type CreateConnectionOptions } from './create-connection.js';
import { Disconnect } from './disconnect.js';
import { EraseUser } from './erase-user.js';
import { Grantees } from './grantees.js';
import { ProviderRevocations } from './provider-revocations.js';
import { RevokeConnections } from './revoke-connections.js';
import { TestConnection, type TestConnectionOptions } from './test-connection.js';

export interface ConnectionServicesOptions extends CreateConnectionOptions, TestConnectionOptions {
  /** Tells every process, at once. */
  broadcast: (revoked: ControlRevoked) => Promise<void>;
  logger: Logger;
}

/** What is done with connections, each made once. `providerRevocations` and `shredder` have work of their own to be started. */
export function createConnectionServices(options: ConnectionServicesOptions) {
  const { dataSource, credentials, broadcast, logger } = options;
  const providerRevocations = new ProviderRevocations(options);
  const revokeAtProvider = () => providerRevocations.notify();
  const revocation = new RevokeConnections(dataSource, broadcast, revokeAtProvider);
  return {
    connections: new Connections(dataSource),
    connectWithoutBrowser: new ConnectWithoutBrowser(options),
    disconnect: new Disconnect(dataSource, broadcast, revokeAtProvider),
    revocation,
    grantees: new Grantees(dataSource, broadcast),
    tests: new TestConnection(options),
    erasure: new EraseUser(dataSource, revocation),
    shredder: new OrganizationShredder({ dataSource, credentials, revocation, broadcast, logger }),
    providerRevocations,
  };
}
