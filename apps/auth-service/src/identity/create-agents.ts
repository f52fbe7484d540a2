import type { Catalog } from '@keyward/connectors';
import type { ConnectSession, ControlRevoked } from '@keyward/contracts';
import type { Egress } from '@keyward/egress';
import type { DataSource } from 'typeorm';
import type { AgentsAccount } from '../config.js';
import type { SessionRequest } from '../connect/connect-sessions.js';
import { AgentManifests } from '../governance/agent-manifests.js';
import { Assignments } from '../governance/assignments.js';
import { TokenReleases } from '../governance/token-releases.js';
import { NatsCredentials } from '../nats-credentials/nats-credentials.js';
import { KeySets } from '../workloads/key-sets.js';
import { TrustedIssuers } from '../workloads/trusted-issuers.js';
import { WorkloadAuthenticator } from '../workloads/workload-authenticator.js';
import { WorkloadBindings } from '../workloads/workload-bindings.js';
import { AgentKeyAuthenticator } from './agent-key-authenticator.js';
import { AgentKeys } from './agent-keys.js';
import { Agents } from './agents.js';

export interface AgentsOptions {
  dataSource: DataSource;
  catalogOf: (org: string) => Promise<Catalog>;
  egress: Egress;
  sessions: { create(request: SessionRequest): Promise<ConnectSession> };
  broadcast: (revoked: ControlRevoked) => Promise<void>;
  account: AgentsAccount;
}

/** What agents are, may do and prove themselves by. */
export function createAgents({ dataSource, catalogOf, egress, sessions, broadcast, account }: AgentsOptions) {
  return {
    agents: new Agents(dataSource),
    keys: new AgentKeys(dataSource, broadcast),
    holders: new AgentKeyAuthenticator(dataSource),
    natsCredentials: new NatsCredentials(dataSource, account),
    assignments: new Assignments(dataSource, catalogOf, broadcast),
    manifests: new AgentManifests({ dataSource, catalogOf, sessions, broadcast }),
    tokenReleases: new TokenReleases(dataSource, catalogOf),
    issuers: new TrustedIssuers(dataSource, broadcast),
    bindings: new WorkloadBindings(dataSource, broadcast),
    workloads: new WorkloadAuthenticator(dataSource, new KeySets(egress)),
  };
}
