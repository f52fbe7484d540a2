import { Catalog } from '../catalog.js';
import { CatalogLoader, type ConnectorVariables, type LoadOptions } from './catalog-loader.js';

/**
 * Loads every `<dir>/<connector>/connector.yaml`, with `tools.yaml` and `tools/*.yaml` where there are any. Other folders, and hidden ones, are passed over.
 * @throws ConnectorError that names file, line and JSON Pointer of everything wrong in the first file that is
 */
export function loadCatalog(dir: string, variables: ConnectorVariables, options: LoadOptions = {}): Catalog {
  return new CatalogLoader(dir, variables, options).load();
}
