export { checkpointSigningConfig, type CheckpointSigningConfig } from './config/checkpoint-signing.js';
export {
  fragment,
  secret,
  type ConfigFragment,
  type ConfigFragments,
  type ConfigOf,
  type ReportProblem,
} from './config/fragment.js';
export {
  adminConfig,
  agentsNatsConfig,
  connectorsConfig,
  databaseConfig,
  egressConfig,
  httpConfig,
  kmsConfig,
  natsConfig,
  objectsConfig,
  streamsConfig,
  type KmsConfig,
  type NatsConfig,
} from './config/fragments.js';
export { currencyConfig } from './config/currency.js';
export { objectStoreConfig, type ObjectsConfig } from './config/object-store.js';
export { ConfigError, type Environment } from './config/load.js';
export { type MessageDoor, type ServiceHost, type ServiceOptions } from './host.js';
export { AdminToken } from './http/admin-token.js';
export { bearerToken } from './http/bearer.js';
export { clientAddress } from './limits/client-address.js';
export { FailedAttempts } from './limits/failed-attempts.js';
export { limitFailedAuthentications } from './limits/limit-failed-authentications.js';
export { limitPublicRoutes, PUBLIC_ROUTE } from './limits/limit-public-routes.js';
export { clientLimitsConfig, type ClientLimits } from './limits/limits-config.js';
export { openApiDocument, type Answer, type ApiInfo, type ApiPart, type Operation } from './openapi/document.js';
export { type JsonSchema } from './openapi/json-schema.js';
export { openApiController } from './openapi/openapi-controller.js';
export { runService } from './run-service.js';
export { runTask, type TaskOptions } from './run-task.js';
export { catalogReloads } from './telemetry/catalog-reloads.js';
export { currentTraceId } from './telemetry/trace-id.js';
export { histogramWithExemplars } from './telemetry/exemplar.js';
export { startService, type RunningService } from './start-service.js';
