import { join } from 'node:path';
import type { Catalog } from '@keyward/connectors';
import { connectorsWithTools } from '../extract/declared-requests.js';
import { readVariables } from '../vendor/connector-facts.js';
import { checkConnector, type ToolReport } from './check-connector.js';
import { loadConnectors } from './load.js';

export interface ConnectorReport {
  readonly connector: string;
  readonly tools: readonly ToolReport[];
}

/** Connectors of vendors: where the deployment names the provider, it is its own documentation. */
export function vendorConnectors(dir: string): string[] {
  return connectorsWithTools(dir).filter((name) => readVariables(join(dir, name)).length === 0);
}

export async function checkContracts(
  dir: string,
  connectors: readonly string[],
  catalog: Catalog = loadConnectors(dir, connectors),
): Promise<ConnectorReport[]> {
  const reports: ConnectorReport[] = [];
  for (const connector of connectors) reports.push({ connector, tools: await checkConnector(dir, connector, catalog) });
  return reports;
}

/** A line per connector, then what no description lists, then what is wrong. */
export function print(reports: readonly ConnectorReport[], line: (text: string) => void): void {
  const count = (tools: readonly ToolReport[], described: ToolReport['described']) =>
    tools.filter((tool) => tool.described === described).length;
  for (const { connector, tools } of reports) {
    const wrong = tools.filter(({ problems }) => problems.length > 0).length;
    line(
      `${connector}: ${tools.length} tools, ${count(tools, 'fully')} checked, ${count(tools, 'path')} by method and path, ` +
        `${count(tools, 'not')} without description, ${wrong} with problems`,
    );
  }
  for (const { tool, described, documentation, checked } of reports.flatMap(({ tools }) => tools)) {
    if (described === 'not') line(`  ${tool}: ${documentation ?? 'no documentation'} (${checked ?? 'no date'})`);
  }
  for (const problem of reports.flatMap(({ tools }) => tools).flatMap(({ problems }) => problems)) line(problem);
}
