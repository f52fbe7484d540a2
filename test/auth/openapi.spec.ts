import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authService } from '../../apps/auth-service/src/service.js';
import { AuthHarness, documented } from './harness.js';

let auth: AuthHarness;
const registered = new Set<string>();

beforeAll(async () => {
  auth = await AuthHarness.start({
    service: {
      ...authService,
      fastify: (instance, host) => {
        instance.addHook('onRoute', ({ method, url }) => {
          for (const one of [method].flat()) registered.add(`${one} ${url.replaceAll(/:([A-Za-z]+)/g, '{$1}')}`);
        });
        return authService.fastify?.(instance, host);
      },
    },
  });
});
afterAll(() => auth.stop());

type Schema = { [member: string]: Schema };

describe('the OpenAPI document of auth-service', () => {
  it('has every route that is registered, and no other', () => {
    // Fastify answers HEAD wherever it answers GET.
    const routes = [...registered].filter((route) => !/^(HEAD|OPTIONS) /.test(route));
    expect(routes.length).toBeGreaterThan(60);
    expect(documented.operations.sort()).toEqual(routes.sort());
  });

  it('is served to anyone, is OpenAPI 3.1, and refers to nothing that it does not define', async () => {
    const { status, body } = await auth.ask<Schema>('/openapi.json', { token: '' });
    expect([status, body['openapi']]).toEqual([200, '3.1.0']);
    const schemas = Object.keys((body['components'] as Schema)['schemas'] as Schema);
    const refs = [...JSON.stringify(body).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target as string);
    expect(refs.length).toBeGreaterThan(100);
    for (const target of refs) expect(schemas).toContain(target.replace('#/components/schemas/', ''));
    const ids = JSON.stringify(body).match(/"operationId":"[^"]+"/g) ?? [];
    expect(new Set(ids).size).toBe(documented.operations.length);
  });

  it('names the credentials that each operation takes', async () => {
    const { body } = await auth.ask<{ paths: Record<string, Record<string, { security?: object[] }>> }>('/openapi.json');
    for (const [path, methods] of Object.entries(body.paths))
      for (const [method, { security }] of Object.entries(methods)) {
        const isPublic = security?.length === 0;
        const url = auth.url + path.replaceAll(/\{[^}]+\}/g, 'x');
        if (path.startsWith('/v1/') && !isPublic)
          expect([path, (await fetch(url, { method: method.toUpperCase() })).status]).toEqual([path, 401]);
        else expect([path, isPublic]).toEqual([path, true]);
      }
  });
});
