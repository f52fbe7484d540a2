import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { PaginationFacts } from './pages.js';

const toolsSchema = z.array(
  z.looseObject({ name: z.string(), pagination: z.custom<PaginationFacts>().optional(), checked: z.string().optional() }),
);
const manifestSchema = z.looseObject({ variables: z.record(z.string(), z.string()).default({}) });

/** What the files of a connector say and a compiled tool does not tell. */
export interface ConnectorFacts {
  readonly pagination: ReadonlyMap<string, PaginationFacts>;
  /** Tool → when its documentation was read. */
  readonly checked: ReadonlyMap<string, string>;
  /** Tool → line of tools.yaml. */
  readonly lines: ReadonlyMap<string, number>;
}

/** What a connector asks the deployment for. */
export function readVariables(folder: string): readonly string[] {
  return Object.keys(manifestSchema.parse(parse(readFileSync(join(folder, 'connector.yaml'), 'utf8'))).variables);
}

export function readConnectorFacts(folder: string): ConnectorFacts {
  const text = readFileSync(join(folder, 'tools.yaml'), 'utf8');
  const tools = toolsSchema.parse(parse(text, { maxAliasCount: 1000 }));
  const written = text.split('\n');
  const given = <T>(of: (tool: (typeof tools)[number]) => T | undefined): Map<string, T> =>
    new Map(
      tools.flatMap((tool) => [[tool.name, of(tool)] as const].filter((entry): entry is [string, T] => entry[1] !== undefined)),
    );
  return {
    pagination: given((tool) => tool.pagination),
    checked: given((tool) => tool.checked),
    lines: given((tool) => written.findIndex((line) => line.trim().replace(/^- /, '') === `name: ${tool.name}`) + 1),
  };
}
