export { Catalog, renderRequest, type Arguments, type RenderedRequest, type RenderOptions, type Tool } from './catalog.js';
export { ConnectorError, type ConnectorProblem } from './load/connector-error.js';
export { loadCatalog, type ConnectorVariables } from './load/load-catalog.js';
export { authorizationServerOrigins, providerManifestSchema, type ProviderManifest } from './manifest/provider-manifest.js';
