export { ImportError } from './import-error.js';
export { importConnector, type ImportOptions, type ImportResult } from './import-connector.js';
export type { SourceKind } from './source/read-source.js';
