export { createDataSource, type DataSourceSettings } from './data-source.js';
export { findAgentKey, verifyAgentKey, type AgentKeyRow } from './agent-key.js';
export { prepared, type PreparedStatement } from './prepared.js';
export { withOrg } from './with-org.js';
export { asDatabaseError } from './database-error.js';
export { openDatabase, type DatabaseOwner } from './open-database.js';
export { migrate } from './migrate.js';
export { createLogin, type LoginSettings, type ServiceRole } from './login.js';
export { enqueue, enqueueAll, outboxColumns, type OutgoingMessage } from './outbox/enqueue.js';
export { OutboxRelay, type OutboxMessage, type Publish, type RelayLogger } from './outbox/relay.js';
export { wakeRelay } from './outbox/wake-relay.js';
export {
  AgentEntity,
  AgentKeyEntity,
  MemberEntity,
  OrganizationEntity,
  PersonSessionEntity,
  TrustedIssuerEntity,
  WorkloadBindingEntity,
} from './entities/identity.js';
export { WebhookDeliveryEntity, WebhookEndpointEntity } from './entities/notification.js';
export {
  AgentManifestEntity,
  AssignmentEntity,
  BudgetEntity,
  ConnectorEntity,
  ConnectorOverlayEntity,
  TokenReleaseEntity,
} from './entities/governance.js';
export {
  ConnectionAuthorizationEntity,
  ConnectionEntity,
  ConnectionGranteeEntity,
  CredentialEntity,
  ProviderAppEntity,
} from './entities/vault.js';
export {
  AuthorizationTransactionEntity,
  ConnectSessionEntity,
  DeliveredCodeEntity,
  DeviceAuthorizationEntity,
  type ConnectSessionState,
} from './entities/connect.js';
export { connectionMetadata, connectionsMetadata } from './connection-metadata.js';
export { findUsableConnections, type UsableConnectionsQuery } from './usable-connections.js';
export { createConnectorLoader, createOverlayLoader } from './connector-loader.js';
export { createBudgetLoader, createBudgetStore, type KnownBudget } from './budget-store.js';
export { createQuotaStore } from './quota-store.js';
