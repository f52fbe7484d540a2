import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadCatalog, type Arguments, type RenderedRequest, type Tool } from '@keyward/connectors';
import { parse } from 'yaml';
import { importConnector, type ImportOptions, type ImportResult } from '../src/index.js';

/** A folder of sources and connectors that goes away with the test. */
export class World {
  readonly dir = mkdtempSync(join(tmpdir(), 'keyward-import-test-'));

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  write(name: string, content: unknown): string {
    const path = join(this.dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  read(name: string): string {
    return readFileSync(join(this.dir, 'out', name), 'utf8');
  }

  yaml<T = Record<string, unknown>>(name: string): T {
    return parse(this.read(name)) as T;
  }

  has(name: string): boolean {
    return existsSync(join(this.dir, 'out', name));
  }

  /** @param source a description, or its text */
  import(source: unknown, options: Partial<ImportOptions> & { file?: string } = {}): Promise<ImportResult> {
    const { file = 'source.json', ...rest } = options;
    return importConnector({
      source: this.write(file, source),
      name: 'acme',
      out: join(this.dir, 'out'),
      today: '2026-03-01',
      ...rest,
    });
  }

  tool(name: string): Tool {
    return loadCatalog(join(this.dir, 'out'), {}).tool(name);
  }

  tools(): readonly Tool[] {
    return loadCatalog(join(this.dir, 'out'), {}).tools();
  }

  /** The request that a call makes. */
  async request(name: string, args: Arguments): Promise<RenderedRequest> {
    const tool = this.tool(name);
    tool.validateArguments(args);
    const [step] = tool.steps;
    if (step === undefined) throw new Error('a tool has a step');
    const scope = { args, steps: {}, key: 'key', connection: {}, provider: tool.provider, item: undefined };
    const page = tool.pagination === null ? undefined : { wanted: 10, position: {} };
    return step.render(scope, page);
  }
}

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI description with these paths. */
export function openApi(paths: Json, more: Json = {}): Json {
  return { openapi: '3.1.0', info: { title: 'Acme API' }, servers: [{ url: 'https://api.acme.example/v1' }], paths, ...more };
}

export const ok = (schema?: unknown, headers?: unknown): Json => ({
  responses: {
    200: {
      description: 'ok',
      ...(schema === undefined ? {} : { content: { 'application/json': { schema } } }),
      ...(headers === undefined ? {} : { headers }),
    },
  },
});

export const query = (name: string, schema: Json, more: Json = {}): Json => ({ name, in: 'query', schema, ...more });
export const json = (schema: unknown, required = true): Json => ({
  requestBody: { required, content: { 'application/json': { schema } } },
});
