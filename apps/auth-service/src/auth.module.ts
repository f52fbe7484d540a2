import { openApiController } from '@keyward/service-host';
import { Module, type DynamicModule } from '@nestjs/common';
import type { AuthService } from './auth-service.js';
import { ConnectSessions } from './connect/connect-sessions.js';
import { DecideSession } from './connect/decide-session.js';
import { DeliverCode } from './connect/delivered-code.js';
import { FinishAuthorization } from './connect/finish-authorization.js';
import { OpenSession } from './connect/open-session.js';
import { Connections } from './connections/connections.js';
import { ConnectWithoutBrowser } from './connections/create-connection.js';
import { Disconnect } from './connections/disconnect.js';
import { EraseUser } from './connections/erase-user.js';
import { Grantees } from './connections/grantees.js';
import { RevokeConnections } from './connections/revoke-connections.js';
import { TestConnection } from './connections/test-connection.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { AgentKeysController } from './doors/http/agent-keys.controller.js';
import { AgentManifestsController } from './doors/http/agent-manifests.controller.js';
import { AgentsController } from './doors/http/agents.controller.js';
import { BudgetsController } from './doors/http/budgets.controller.js';
import { ConnectController } from './doors/http/connect.controller.js';
import { ConnectDoor } from './doors/http/connect-door.js';
import { ConnectSessionsController } from './doors/http/connect-sessions.controller.js';
import { OverlaysController } from './doors/http/overlays.controller.js';
import { ConnectorsController } from './doors/http/connectors.controller.js';
import { ConnectionsController } from './doors/http/connections.controller.js';
import { CustodyController } from './doors/http/custody.controller.js';
import { DeadLettersController } from './doors/http/dead-letters.controller.js';
import { FailureLog } from './doors/http/failure-log.js';
import { LoginController } from './doors/http/login.controller.js';
import { MembersController } from './doors/http/members.controller.js';
import { OAuthController } from './doors/http/oauth.controller.js';
import { OrganizationsController } from './doors/http/organizations.controller.js';
import { PeopleController } from './doors/http/people.controller.js';
import { ProviderAppsController } from './doors/http/provider-apps.controller.js';
import { UsersController } from './doors/http/users.controller.js';
import { WebhookEndpointsController } from './doors/http/webhook-endpoints.controller.js';
import { VaultController } from './doors/http/vault.controller.js';
import { TokenReleasesController } from './doors/http/token-releases.controller.js';
import { TrustedIssuersController } from './doors/http/trusted-issuers.controller.js';
import { Custody } from './custody/custody.js';
import { AgentManifests } from './governance/agent-manifests.js';
import { Assignments } from './governance/assignments.js';
import { Budgets } from './governance/budgets.js';
import { Connectors } from './governance/connectors.js';
import { Overlays } from './governance/overlays.js';
import { TokenReleases } from './governance/token-releases.js';
import { AgentKeyAuthenticator } from './identity/agent-key-authenticator.js';
import { AgentKeys } from './identity/agent-keys.js';
import { Agents } from './identity/agents.js';
import { Organizations } from './identity/organizations.js';
import { Principals } from './identity/principals.js';
import { OrganizationShredder } from './identity/shred-organization.js';
import { NatsCredentials } from './nats-credentials/nats-credentials.js';
import { openApiDocument } from './openapi/document.js';
import { Members } from './people/members.js';
import { PersonSessions } from './people/person-sessions.js';
import { Profiles } from './people/profiles.js';
import { SessionCookie } from './people/session-cookie.js';
import { SessionStore } from './people/session-store.js';
import { SignIn } from './people/sign-in.js';
import { SignInCookie } from './people/sign-in-cookie.js';
import { ClientMetadata } from './provider-apps/client-metadata.js';
import { ProviderApps } from './provider-apps/provider-apps.js';
import { TrustedIssuers } from './workloads/trusted-issuers.js';
import { WorkloadAuthenticator } from './workloads/workload-authenticator.js';
import { WorkloadBindings } from './workloads/workload-bindings.js';
import { RewrapVault } from './vault/rewrap-vault.js';

@Module({
  controllers: [
    openApiController(openApiDocument),
    OrganizationsController,
    AgentsController,
    AgentKeysController,
    AgentManifestsController,
    TokenReleasesController,
    TrustedIssuersController,
    CustodyController,
    ProviderAppsController,
    ConnectionsController,
    UsersController,
    VaultController,
    ConnectSessionsController,
    ConnectController,
    OAuthController,
    MembersController,
    PeopleController,
    LoginController,
    ConnectorsController,
    OverlaysController,
    BudgetsController,
    WebhookEndpointsController,
    DeadLettersController,
  ],
})
export class AuthModule {
  static over(service: AuthService): DynamicModule {
    return {
      module: AuthModule,
      providers: [
        { provide: Principals, useValue: service.principals },
        { provide: PersonSessions, useValue: service.people.sessions },
        { provide: SessionStore, useValue: service.people.store },
        { provide: SessionCookie, useValue: service.people.cookie },
        { provide: SignInCookie, useValue: service.people.pending },
        { provide: SignIn, useValue: service.people.signIn },
        { provide: Profiles, useValue: service.people.profiles },
        { provide: Members, useValue: service.people.members },
        { provide: AgentKeyAuthenticator, useValue: service.holders },
        { provide: Organizations, useValue: service.organizations },
        { provide: Agents, useValue: service.agents },
        { provide: AgentKeys, useValue: service.keys },
        { provide: Assignments, useValue: service.assignments },
        { provide: AgentManifests, useValue: service.manifests },
        { provide: TokenReleases, useValue: service.tokenReleases },
        { provide: TrustedIssuers, useValue: service.issuers },
        { provide: WorkloadBindings, useValue: service.bindings },
        { provide: WorkloadAuthenticator, useValue: service.workloads },
        { provide: Custody, useValue: service.custody },
        { provide: Connectors, useValue: service.connectors },
        { provide: Overlays, useValue: service.overlays },
        { provide: Budgets, useValue: service.budgets },
        { provide: NatsCredentials, useValue: service.natsCredentials },
        { provide: ProviderApps, useValue: service.providerApps },
        { provide: ConnectSessions, useValue: service.sessions },
        { provide: Connections, useValue: service.connections },
        { provide: Disconnect, useValue: service.disconnect },
        { provide: ConnectWithoutBrowser, useValue: service.connectWithoutBrowser },
        { provide: RevokeConnections, useValue: service.revocation },
        { provide: Grantees, useValue: service.grantees },
        { provide: TestConnection, useValue: service.tests },
        { provide: EraseUser, useValue: service.erasure },
        { provide: OrganizationShredder, useValue: service.shredder },
        { provide: RewrapVault, useValue: service.vault },
        { provide: OpenSession, useValue: service.openSession },
        { provide: DecideSession, useValue: service.decideSession },
        { provide: FinishAuthorization, useValue: service.finishAuthorization },
        { provide: FailureLog, useValue: service.failures },
        { provide: ConnectDoor, useValue: service.connectDoor },
        { provide: DeliverCode, useValue: service.deliverCode },
        { provide: ClientMetadata, useValue: service.clientMetadata },
        { provide: DeadLetters, useValue: service.deadLetters },
        { provide: 'NOTIFICATIONS', useValue: service.notifications },
        { provide: 'PUBLIC_URL', useValue: service.publicUrl },
      ],
    };
  }
}
