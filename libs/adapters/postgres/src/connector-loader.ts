import type { DataSource } from 'typeorm';
import { prepared } from './prepared.js';

const FIND_CONNECTORS = {
  name: 'governance.find_connectors',
  text: 'SELECT name, version, manifest, tools FROM governance.find_connectors($1)',
};
const FIND_OVERLAYS = {
  name: 'governance.find_overlays',
  text: 'SELECT connector, definition AS "overlay" FROM governance.find_overlays($1)',
};

/** A connector as an organization posted it: connector.yaml and tools.yaml as texts. */
interface ConnectorRow {
  name: string;
  version: number;
  manifest: string;
  tools: string | null;
}

/** What an organization changes about a connector of the deployment: overlay.yaml as a text. */
interface OverlayRow {
  connector: string;
  overlay: string;
}

/** Reads an organization's own connectors. Throws KeywardError `dependency_unavailable` where the database can't answer. */
export function createConnectorLoader(dataSource: DataSource): (org: string) => Promise<ConnectorRow[]> {
  return (org) => prepared<ConnectorRow>(dataSource, FIND_CONNECTORS, [org]);
}

/** Reads what an organization changes about the deployment's. Throws as the one above. */
export function createOverlayLoader(dataSource: DataSource): (org: string) => Promise<OverlayRow[]> {
  return (org) => prepared<OverlayRow>(dataSource, FIND_OVERLAYS, [org]);
}
