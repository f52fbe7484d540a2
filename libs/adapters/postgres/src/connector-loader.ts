import type { DataSource } from 'typeorm';
import { prepared } from './prepared.js';

const FIND_CONNECTORS = {
  name: 'governance.find_connectors',
  text: 'SELECT name, version, manifest, tools FROM governance.find_connectors($1)',
};

/** A connector as an organization posted it: connector.yaml and tools.yaml as texts. */
interface ConnectorRow {
  name: string;
  version: number;
  manifest: string;
  tools: string | null;
}

/** Reads an organization's own connectors. Throws KeywardError `dependency_unavailable` where the database can't answer. */
export function createConnectorLoader(dataSource: DataSource): (org: string) => Promise<ConnectorRow[]> {
  return (org) => prepared<ConnectorRow>(dataSource, FIND_CONNECTORS, [org]);
}
