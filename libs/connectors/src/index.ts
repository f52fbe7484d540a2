export { Catalog } from './catalog.js';
export { Catalogs, createCatalogs, type CatalogsOptions, type PostedConnector, type PostedOverlay } from './catalogs.js';
export { checkCatalog, type CatalogReport, type ProviderSummary } from './check/check-catalog.js';
export { ConnectorError, type ConnectorProblem } from './load/connector-error.js';
export type { ConnectorVariables } from './load/catalog-loader.js';
export { checkPosted } from './load/check-posted.js';
export { loadCatalog } from './load/load-catalog.js';
export { parseConnector, type Connector, type TakenNames } from './load/parse-connector.js';
export { watchCatalog, WatchedCatalog, type WatchOptions } from './load/watch-catalog.js';
export type { Auth, AuthKind } from './manifest/auth.js';
export type { AppParameter, ConnectionParameter } from './manifest/parameters.js';
export {
  authorizationServerOrigins,
  hasAuth,
  providerManifestSchema,
  type ProviderManifest,
  type ProviderWith,
} from './manifest/provider-manifest.js';
export { renewalOf, type Renewal } from './manifest/renewal.js';
export type { Scopes } from './manifest/scopes.js';
export type { Assertion, TokenRequestShape, TokenResponseShape, TokenStep } from './manifest/token-endpoint.js';
export type { UserAuthorization } from './manifest/user-authorization.js';
export { parseOverlay, type Overlay } from './overlay/parse-overlay.js';
export { checkAppParameters, checkConnectionParameters, type ParameterSource } from './resolve/check-parameters.js';
export { hasServerOfConnection, resolveProvider, type ProviderValues } from './resolve/resolve-provider.js';
export type { ToolCall } from './unified/tool-call.js';
export { byLabel, connectorLabel, POSTED_LABEL, type ConnectorLabel } from './metric-label.js';
export type { UnifiedTool } from './unified/unified-tool.js';
export type {
  Answer,
  Arguments,
  Failure,
  Page,
  PageRequest,
  Paging,
  Position,
  ReadAs,
  RenderedRequest,
  Scope,
  Step,
  Tool,
} from './tool/tool.js';
