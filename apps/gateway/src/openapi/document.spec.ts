import { describe, expect, it } from '@jest/globals';
import { openApiDocument } from './document.js';

/** The paths are pinned as literals: whoever changes one changes what agents depend on. */
const SURFACE = [
  'GET /openapi.json',
  'GET /v1/artifacts/{id}',
  'GET /v1/connections',
  'GET /v1/executions/{id}',
  'GET /v1/tools',
  'POST /v1/connect-sessions',
  'POST /v1/executions/{id}/cancel',
  'POST /v1/tools/{tool}/execute',
];

type Schema = { [member: string]: Schema };

describe('the OpenAPI document', () => {
  const document = openApiDocument() as Schema;

  it('is OpenAPI 3.1 and names every operation', () => {
    expect(document['openapi']).toBe('3.1.0');
    const operations = Object.entries(document['paths'] as Schema).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations.sort()).toEqual(SURFACE);
  });

  it('refers to nothing that it does not define', () => {
    const schemas = Object.keys((document['components'] as Schema)['schemas'] as Schema);
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target as string);
    expect(refs.length).toBeGreaterThan(10);
    for (const target of refs) expect(schemas).toContain(target.replace('#/components/schemas/', ''));
  });

  it('lets callers leave out what has a default, and nothing they must give', () => {
    const execute = ((document['components'] as Schema)['schemas'] as Schema)['ExecuteBody'] as unknown as {
      required: string[];
      additionalProperties: boolean;
    };
    expect(execute.required).toEqual(['user']);
    expect(execute.additionalProperties).toBe(false);
  });
});
