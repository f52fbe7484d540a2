import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

interface Manifest {
  base_url?: string;
  bases?: Record<string, string>;
  origins?: string[];
}

/** Copies a connector with its API somewhere else: the same paths at another origin. Where tokens come from stays as it is. */
export function stageConnector(from: string, connector: string, into: string, origin: string): void {
  const folder = join(into, connector);
  mkdirSync(folder, { recursive: true });
  for (const file of ['tools.yaml', 'unified.yaml'].filter((name) => existsSync(join(from, connector, name))))
    cpSync(join(from, connector, file), join(folder, file));
  const manifest = parse(readFileSync(join(from, connector, 'connector.yaml'), 'utf8')) as Manifest;
  const moved = (address: string) => address.replace(/^(?:https:\/\/[^/]+|\$\{[^}]+\})/, origin);
  const { base_url: base, bases = {}, origins = [] } = manifest;
  const staged = {
    ...manifest,
    ...(base === undefined ? {} : { base_url: moved(base) }),
    bases: Object.fromEntries(Object.entries(bases).map(([name, address]) => [name, moved(address)])),
    origins: [...new Set(origins.map(moved))],
  };
  writeFileSync(join(folder, 'connector.yaml'), stringify(staged));
}
