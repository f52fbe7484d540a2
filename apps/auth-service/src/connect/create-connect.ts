import type { Catalog } from '@keyward/connectors';
import type { KeywardError } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import type { CredentialStore } from '@keyward/postgres-vault';
import type { DataSource } from 'typeorm';
import { ClientMetadata } from '../provider-apps/client-metadata.js';
import { ProviderApps } from '../provider-apps/provider-apps.js';
import type { AuthMetrics } from '../metrics.js';
import type { Ending } from './answer.js';
import { Completers, type CompletersOptions } from './completers.js';
import { ConnectSessions } from './connect-sessions.js';
import { DecideSession } from './decide-session.js';
import { DeliverCode } from './delivered-code.js';
import { FinishAuthorization } from './finish-authorization.js';
import { OpenSession } from './open-session.js';
import { PollSession } from './poll-session.js';
import { ConnectSigner } from './secrets.js';
import { SessionPages } from './session-pages.js';

export interface ConnectServicesOptions {
  dataSource: DataSource;
  catalogs: { of(org: string): Promise<Catalog> };
  deployment: Pick<Catalog, 'connector'>;
  credentials: Credentials;
  credentialStore: CredentialStore;
  egress: Egress;
  publicUrl: string;
  stateSecret: string;
  memberships: CompletersOptions['memberships'];
  /** Whether there is an identity provider that people can sign in with. */
  signIn: boolean;
  calledBack: AuthMetrics['calledBack'];
  reauthorized: AuthMetrics['reauthorized'];
  onFailure: (error: KeywardError, ending: Ending) => void;
  onUnrevoked: (error: KeywardError) => void;
}

/** Everything that people connect accounts with, each made once. */
export function createConnectServices(options: ConnectServicesOptions) {
  const { dataSource, publicUrl, stateSecret } = options;
  const signer = new ConnectSigner(stateSecret);
  const completers = new Completers(options);
  const pages = new SessionPages(dataSource, signer);
  const poll = new PollSession({ ...options, pages });
  return {
    sessions: new ConnectSessions(options),
    openSession: new OpenSession({ ...options, completers, pages, poll }),
    decideSession: new DecideSession({ ...options, signer, completers, pages }),
    finishAuthorization: new FinishAuthorization({ ...options, signer, completers, pages }),
    deliverCode: new DeliverCode(options),
    providerApps: new ProviderApps(options),
    clientMetadata: new ClientMetadata(dataSource, publicUrl),
  };
}
