import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Method } from '@keyward/vendor-emulation';

/** As much of a request as tells which operation it is; the rest is the compiler's to check. */
const requestSchema = z.looseObject({
  kind: z.enum(['http', 'graphql', 'mcp']).default('http'),
  base: z.string().optional(),
  method: z.string().default('POST'),
  path: z.string().optional(),
  url: z.unknown().optional(),
  query: z.unknown().optional(),
});
const toolSchema = z.looseObject({
  name: z.string(),
  request: requestSchema.optional(),
  steps: z.array(z.looseObject({ id: z.string(), request: requestSchema })).default([]),
  idempotency: z.unknown().optional(),
  pagination: z.looseObject({ path: z.string().optional() }).optional(),
});
const probeSchema = z.object({ probe: z.object({ request: requestSchema }) });
const manifestSchema = z.looseObject({
  base_url: z.string().default(''),
  bases: z.record(z.string(), z.string()).default({}),
});

export interface DeclaredRequest {
  readonly tool: string;
  /** Of a step, `request` where there is only one, `probe`, or `next` where pages after the first have another path. */
  readonly id: string;
  readonly kind: 'http' | 'graphql' | 'mcp';
  readonly method: Method;
  /** Base and path, `https://api.example.com/{tenant}/things/{id}`; undefined: an earlier step told the whole address. */
  readonly address: string | undefined;
  /** graphql: the document. */
  readonly document: string | undefined;
}

/** Connectors that have tools, by name. */
export function connectorsWithTools(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => existsSync(join(dir, name, 'tools.yaml')))
    .sort();
}

/** Every request that a connector's tools can make, as `tools.yaml` writes it. */
export function declaredRequests(dir: string, connector: string): DeclaredRequest[] {
  const read = (file: string): unknown => parse(readFileSync(join(dir, connector, file), 'utf8'), { maxAliasCount: 200 });
  const manifest = manifestSchema.parse(read('connector.yaml'));
  return z
    .array(toolSchema)
    .parse(read('tools.yaml'))
    .flatMap((tool) => {
      const probe = probeSchema.safeParse(tool.idempotency).data?.probe.request;
      return [
        ...(tool.request === undefined ? [] : [{ id: 'request', request: tool.request }]),
        ...tool.steps,
        ...(probe === undefined ? [] : [{ id: 'probe', request: probe }]),
        ...nextOf(tool),
      ].map(({ id, request }) => ({ tool: tool.name, id, ...declared(request, manifest) }));
    });
}

function nextOf({ request, pagination }: z.infer<typeof toolSchema>) {
  const path = pagination?.path?.replaceAll('{}', '{page}');
  return request === undefined || path === undefined ? [] : [{ id: 'next', request: { ...request, path } }];
}

type Manifest = z.infer<typeof manifestSchema>;

function declared(request: z.infer<typeof requestSchema>, manifest: Manifest): Omit<DeclaredRequest, 'tool' | 'id'> {
  const base = request.base === undefined ? manifest.base_url : (manifest.bases[request.base] ?? '');
  const server = base.replace(/\$\{(?:connection|app)\.([^}]+)\}/g, '{$1}');
  const address = request.path === undefined ? undefined : server + request.path;
  return {
    kind: request.kind,
    method: request.method.toLowerCase() as Method,
    address,
    document: request.kind === 'graphql' && typeof request.query === 'string' ? request.query : undefined,
  };
}
