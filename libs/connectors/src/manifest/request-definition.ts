import { z } from 'zod';
import { mappingSchema, mappingsSchema } from './expression.js';
import { headerNameSchema } from './url-rules.js';

export const baseNameSchema = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _');

const base = baseNameSchema.optional().describe('A name of the connector’s `bases`; without it base_url');
const headers = z.record(headerNameSchema, mappingSchema).default({});
const path = z
  .string()
  .max(1024)
  .regex(/^[/]/, 'must begin with /')
  .describe('Appended to the base; `{name}` stands for one encoded segment, `{+name}` for several');

const partName = z.string().min(1).max(128);

/** RFC 7578: a field with a value, or a file. */
const part = z.union([
  z.strictObject({ name: partName, value: mappingSchema }),
  z.strictObject({
    name: partName,
    file: mappingSchema.describe('The content, text or base64 as `encoding` says'),
    filename: mappingSchema,
    type: mappingSchema.default('application/octet-stream').describe('Media type'),
    encoding: z.enum(['text', 'base64']).default('text'),
  }),
]);

const upload = z.strictObject({
  content: mappingSchema,
  type: mappingSchema.default('application/octet-stream').describe('Media type'),
  encoding: z.enum(['text', 'base64']).default('text').describe('How `content` says the bytes'),
});

const BODIES = ['body', 'form', 'multipart', 'upload'] as const;

const httpRequest = z
  .strictObject({
    kind: z.literal('http').optional(),
    base,
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    path: path.optional(),
    params: mappingsSchema.describe('What stands in the path; without one the required argument of that name'),
    url: mappingSchema
      .optional()
      .describe(
        'Instead of a path: a whole address, told by an earlier step. Its origin must be listed; it never gets the credential',
      ),
    query: mappingsSchema,
    headers,
    body: mappingSchema.optional().describe('Sent as JSON'),
    form: z.record(partName, mappingSchema).optional().describe('Sent as application/x-www-form-urlencoded'),
    multipart: z.array(part).min(1).max(50).optional().describe('Sent as multipart/form-data (RFC 7578)'),
    upload: upload.optional().describe('Sent as it is'),
    response: z.enum(['json', 'text', 'bytes']).default('json').describe('How the answer is read'),
  })
  .superRefine((request, context) => {
    const refuse = (place: string, message: string) => context.addIssue({ code: 'custom', path: [place], message });
    if ((request.path === undefined) === (request.url === undefined)) refuse('path', 'exactly one of path and url must be there');
    if (request.url !== undefined && request.base !== undefined) refuse('base', 'a whole address has no base');
    if (request.url !== undefined && Object.keys(request.params).length > 0)
      refuse('params', 'a whole address has no path template');
    const bodies = BODIES.filter((name) => request[name] !== undefined);
    if (bodies.length > 1) refuse(bodies[1] as string, `only one of ${BODIES.join(', ')} may be there`);
    if (bodies[0] !== undefined && request.method === 'GET') refuse(bodies[0], 'a GET has no body');
  });
export type HttpRequest = z.infer<typeof httpRequest>;

const graphqlRequest = z.strictObject({
  kind: z.literal('graphql'),
  base,
  path,
  query: z.string().min(1).max(20_000).describe('The document, with one operation'),
  variables: mappingsSchema,
  headers,
});
export type GraphqlRequest = z.infer<typeof graphqlRequest>;

const mcpRequest = z.strictObject({
  kind: z.literal('mcp'),
  base,
  path,
  tool: z.string().min(1).max(128).describe('Name of the tool at the upstream MCP server (streamable HTTP)'),
  arguments: mappingSchema.default({}),
  headers,
});
export type McpRequest = z.infer<typeof mcpRequest>;

export const requestSchema = z.discriminatedUnion('kind', [httpRequest, graphqlRequest, mcpRequest]);
export type RequestDefinition = z.infer<typeof requestSchema>;
