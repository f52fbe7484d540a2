import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Tool } from '@keyward/connectors';
import {
  argumentsFor,
  problemsOfOutput,
  readSamples,
  sampleOf,
  unifiedCalls,
  vendorConnectors,
  type Samples,
} from '@keyward/vendor-contracts';
import { join } from 'node:path';
import { World } from './world.js';

const CONNECTORS = join(import.meta.dirname, '../../connectors');
/** More than one page of the listings that let the caller say how long a page is not, less than two of the others. */
const LIMIT = 3;

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 60_000);
afterAll(() => world.stop());

/** What is wrong with one call: its outcome, what the vendor got, what the caller gets. */
async function problemsOf(tool: Tool, samples: Samples): Promise<string[]> {
  const tries = argumentsFor(tool, sampleOf(samples, tool.name));
  const args = tries.reduce((most, one) => (Object.keys(one).length > Object.keys(most).length ? one : most), {});
  const first = await problemsOfCall(tool, tool.pagination === null ? args : { limit: LIMIT, ...args });
  const { nextCursor } = (first.output ?? {}) as { nextCursor?: unknown };
  if (tool.pagination === null || typeof nextCursor !== 'string') return first.problems;
  const second = await problemsOfCall(tool, { limit: LIMIT, ...args, cursor: nextCursor });
  const { nextCursor: third } = (second.output ?? {}) as { nextCursor?: unknown };
  return [...first.problems, ...second.problems, ...(third === null ? [] : ['the listing has no end'])];
}

async function problemsOfCall(
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  name = tool.name,
): Promise<{ problems: string[]; output: unknown }> {
  const stub = world.stubs.get(tool.provider.name);
  if (stub === undefined) return { problems: ['there is no stub of its vendor'], output: undefined };
  stub.requests.length = 0;
  stub.playing = tool.name;
  const result = await world.call(name, args);
  const { output } = result;
  const problems = stub.requests.flatMap(({ request, problems: some }) =>
    some.map((one) => `${request.method} ${request.url}: ${one}`),
  );
  if (stub.requests.length === 0) problems.push('the vendor got no request');
  if (result['state'] !== 'succeeded') problems.push(`the call ended ${JSON.stringify(result)}`);
  else problems.push(...problemsOfOutput(tool, output));
  return { problems: problems.map((problem) => `${name}: ${problem} [${JSON.stringify(args).slice(0, 200)}]`), output };
}

/** As agents call it by its unified name, written with a dot. */
async function problemsOfUnified(connector: string): Promise<string[]> {
  const problems: string[] = [];
  for (const { tool: name, calls } of unifiedCalls.filter((one) => one.connector === connector)) {
    const given = { connector, ...calls.at(-1) };
    const { tool } = world.catalog.call(name, given);
    const isList = Object.hasOwn(tool.inputSchema['properties'] as object, 'cursor');
    const args = isList ? { ...given, limit: LIMIT } : given;
    problems.push(...(await problemsOfCall(tool, args, name.replace('_', '.'))).problems);
  }
  return problems;
}

describe('every tool of the catalog, from the agent to the vendor', () => {
  it.concurrent.each(vendorConnectors(CONNECTORS))(
    '%s: sends what its vendor describes, with the credential, and gives what it declares',
    async (connector) => {
      const samples = readSamples(join(CONNECTORS, connector));
      const tools = world.catalog.toolsOf(connector);
      const problems: string[] = [];
      for (const tool of tools) problems.push(...(await problemsOf(tool, samples)));
      problems.push(...(await problemsOfUnified(connector)));
      expect(problems).toEqual([]);
      expect(tools.length).toBeGreaterThan(0);
    },
    60_000,
  );
});
