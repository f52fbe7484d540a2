import { join } from 'node:path';
import type { Catalog, Tool } from '@keyward/connectors';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { isObject, openVendor } from '@keyward/vendor-emulation';
import { readConnectorFacts, type ConnectorFacts } from '../vendor/connector-facts.js';
import { readSamples, sampleOf } from '../vendor/samples.js';
import { argumentsFor, type Arguments } from './make-arguments.js';
import { playTool, type Play, type Played } from './play-tool.js';

export interface ToolReport {
  readonly tool: string;
  /** `fully`: every request against a schema; `path`: against method and path at most; `not`: no description lists it. */
  readonly described: 'fully' | 'path' | 'not';
  readonly documentation: string | null;
  readonly checked: string | undefined;
  /** `connectors/<c>/tools.yaml:<line> <tool>: …` */
  readonly problems: readonly string[];
  /** Whether what comes out was held against a declared shape, or is what the description or the sample says it is answered. */
  readonly shaped: boolean;
}

/** Every tool of a connector, held against the contract in its folder. */
export async function checkConnector(dir: string, connector: string, catalog: Catalog): Promise<ToolReport[]> {
  const folder = join(dir, connector);
  const [facts, samples, vendor] = [readConnectorFacts(folder), readSamples(folder), openVendor(folder)];
  const reports: ToolReport[] = [];
  for (const tool of catalog.toolsOf(connector)) {
    const pagination = facts.pagination.get(tool.name);
    const play: Play = { tool, vendor, sample: sampleOf(samples, tool.name), pagination, connection: samples.connection };
    reports.push(await checkTool(play, facts, connector));
  }
  return reports;
}

async function checkTool(play: Play, facts: ConnectorFacts, connector: string): Promise<ToolReport> {
  const { tool } = play;
  const at = `connectors/${connector}/tools.yaml:${facts.lines.get(tool.name) ?? 1} ${tool.name}`;
  const found = new Set<string>();
  const described = new Set<string>();
  let shaped = true;
  for (const args of argumentsFor(tool, play.sample)) {
    const outcome = await tryOnce(play, args);
    for (const one of outcome.described) described.add(one);
    shaped &&= tool.outputSchema !== null || !isEmpty(outcome.output);
    for (const problem of outcome.problems) found.add(`${at}: ${problem} [${JSON.stringify(args).slice(0, 160)}]`);
  }
  const checked = facts.checked.get(tool.name);
  const least = described.has('fully') ? 'fully' : described.has('path') ? 'path' : 'not';
  const undescribed = described.has('not') && !described.has('fully') && !described.has('path');
  if (undescribed && (tool.documentation === null || checked === undefined))
    found.add(`${at}: no description lists its request: \`documentation\` and \`checked\` must say where it was read`);
  return { tool: tool.name, described: least, documentation: tool.documentation, checked, problems: [...found], shaped };
}

async function tryOnce(play: Play, args: Arguments): Promise<Played> {
  try {
    const { described, problems, output } = await playTool(play, args);
    return { described, problems: [...problems, ...problemsOfOutput(play.tool, output)], output };
  } catch (error) {
    return { described: [], problems: [error instanceof Error ? error.message : 'failed'], output: undefined };
  }
}

/** An answer without a body is one; an object that nobody said anything of is not. */
const isEmpty = (output: unknown) => isObject(output) && Object.keys(output).length === 0;

const outputs = new Ajv2020({ strict: false, allErrors: true, logger: false, formats: fullFormats });

/** What is wrong with what a tool gives, by what it declares; compiled once per tool. */
export function problemsOfOutput(tool: Tool, output: unknown): string[] {
  if (tool.outputSchema === null) return output === undefined ? ['there is no output'] : [];
  const validate = outputs.compile(tool.outputSchema);
  if (validate(output)) return [];
  return (validate.errors ?? []).map((error) => `output ${error.instancePath}: ${error.message ?? 'is not valid'}`);
}
