import 'reflect-metadata';
import type { Client, Pool } from 'pg';
import { DataSource } from 'typeorm';
import {
  AuthorizationTransactionEntity,
  ConnectSessionEntity,
  DeliveredCodeEntity,
  DeviceAuthorizationEntity,
} from './entities/connect.js';
import {
  AgentManifestEntity,
  AssignmentEntity,
  BudgetEntity,
  ConnectorEntity,
  ConnectorOverlayEntity,
  TokenReleaseEntity,
} from './entities/governance.js';
import {
  AgentEntity,
  AgentKeyEntity,
  MemberEntity,
  OrganizationEntity,
  PersonSessionEntity,
  TrustedIssuerEntity,
  WorkloadBindingEntity,
} from './entities/identity.js';
import { WebhookDeliveryEntity, WebhookEndpointEntity } from './entities/notification.js';
import {
  ConnectionAuthorizationEntity,
  ConnectionEntity,
  ConnectionGranteeEntity,
  CredentialEntity,
  ProviderAppEntity,
} from './entities/vault.js';

/** Every table that is reached through TypeORM. */
export const ENTITIES = [
  OrganizationEntity,
  AgentEntity,
  AgentKeyEntity,
  AssignmentEntity,
  ProviderAppEntity,
  ConnectionEntity,
  CredentialEntity,
  ConnectSessionEntity,
  AuthorizationTransactionEntity,
  DeliveredCodeEntity,
  DeviceAuthorizationEntity,
  MemberEntity,
  PersonSessionEntity,
  TrustedIssuerEntity,
  WorkloadBindingEntity,
  AgentManifestEntity,
  TokenReleaseEntity,
  ConnectorEntity,
  ConnectorOverlayEntity,
  BudgetEntity,
  ConnectionGranteeEntity,
  ConnectionAuthorizationEntity,
  WebhookEndpointEntity,
  WebhookDeliveryEntity,
];

export interface DataSourceSettings {
  /** `postgres://login:password@host:port/database`. */
  url: string;
  /** Shown in pg_stat_activity and in the server's log. */
  applicationName: string;
  /** Connections at most; 10 where left out. */
  poolSize?: number;
  /** For one statement; 30 s where left out. */
  statementTimeoutMs?: number;
  /** Told when an idle connection breaks. The pool replaces it by itself. */
  onIdleError?: (error: Error) => void;
}

const DEFAULT_POOL_SIZE = 10;
/** As many stay open while nobody needs them; the others for a minute. Opening one costs both sides some 10 ms of CPU, for its password. */
const IDLE_POOL_SIZE = 2;
const IDLE_TIMEOUT_MS = 60_000;
/** For a new connection, and for a free one where all are taken. */
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/**
 * So long after the timeout of a statement the server has answered, if only that it took too long: an answer that is still missing was lost
 * on a way that is broken.
 */
const LATEST_ANSWER_MS = 5_000;
/** Ends what a process forgot or died over, so that its row locks don't stay. Longer than a relay's longest batch. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000;

/** Not initialised: `initialize()` connects. Never migrates and never synchronises; that is the owner's work, see `migrate`. */
export function createDataSource(settings: DataSourceSettings): DataSource {
  const ignore = (): void => undefined;
  const { statementTimeoutMs = STATEMENT_TIMEOUT_MS } = settings;
  return new DataSource({
    type: 'postgres',
    url: settings.url,
    applicationName: settings.applicationName,
    poolSize: settings.poolSize ?? DEFAULT_POOL_SIZE,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    poolErrorHandler: settings.onIdleError ?? ignore,
    installExtensions: false,
    synchronize: false,
    migrationsRun: false,
    logging: false,
    entities: ENTITIES,
    extra: {
      // Between its owners a connection has for a moment nobody who listens, and one that breaks just then would end the process.
      onConnect: (client: Pick<Client, 'on'>) => void client.on('error', ignore),
      keepAlive: true,
      min: IDLE_POOL_SIZE,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + LATEST_ANSWER_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
  });
}

/** The pg pool under an initialised data source. */
export function poolOf(ds: DataSource): Pool {
  return (ds.driver as unknown as { master: Pool }).master;
}
