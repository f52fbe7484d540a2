import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { auditService } from '../../apps/audit-service/src/service.js';
import { Documented } from '../support/documented.js';
import { ADMIN_TOKEN, AuditHarness, event, type Replica } from './harness.js';

const ORG = newId('org');
let audit: AuditHarness;
let replica: Replica;
let documented: Documented;
const registered = new Set<string>();

beforeAll(async () => {
  audit = await AuditHarness.start();
  const service = auditService();
  replica = await audit.startReplica({
    ...service,
    fastify: (instance, host) => {
      instance.addHook('onRoute', ({ method, url }) => {
        for (const one of [method].flat()) registered.add(`${one} ${url.replaceAll(/:([A-Za-z]+)/g, '{$1}')}`);
      });
      return service.fastify?.(instance, host);
    },
  });
  documented = new Documented((await audit.ask(replica, '/openapi.json', {})).body as never);
  await audit.publish(event({ org: ORG, tool: 'sandbox_echo', state: 'succeeded' }), event({ org: ORG }), event({ org: ORG }));
  await audit.settled();
});
afterAll(() => audit.stop());

describe('the OpenAPI document of audit-service', () => {
  it('has every route that is registered, and no other', () => {
    const routes = [...registered].filter((route) => !/^(HEAD|OPTIONS) /.test(route));
    expect(documented.operations.sort()).toEqual(routes.sort());
  });

  it.each([
    `/v1/events?organization=${ORG}`,
    `/v1/events?organization=${ORG}&limit=1`,
    `/v1/events?organization=${newId('org')}`,
    `/v1/events?organization=x`,
    `/v1/events?cursor=x`,
    `/v1/events/verify?organization=${ORG}`,
    `/v1/events/verify?organization=${newId('org')}`,
    '/v1/events/verify',
    '/v1/events/export',
    `/v1/checkpoints?organization=${ORG}`,
    '/v1/checkpoints',
    '/v1/holds',
    '/openapi.json',
  ])('is what %s is answered like', async (path) => {
    for (const headers of [{ authorization: `Bearer ${ADMIN_TOKEN}` }, {}]) {
      const { status, headers: answered, body } = await audit.ask(replica, path, headers as Record<string, string>);
      const contentType = answered.get('content-type');
      expect(documented.disagreement({ method: 'GET', path, status, contentType, body })).toBeUndefined();
    }
  });

  it('a chain that was tampered with is answered as documented too', async () => {
    const superuser = await audit.database.connect();
    await superuser.query(`BEGIN; SET LOCAL session_replication_role = 'replica'`);
    await superuser.query(`UPDATE audit.event SET body = body || '{"tool":"other"}' WHERE org_id = $1 AND seq = 2`, [ORG]);
    await superuser.query('COMMIT');
    superuser.release();
    const path = `/v1/events/verify?organization=${ORG}`;
    const { status, headers, body } = await audit.ask(replica, path);
    expect(body['ok']).toBe(false);
    expect(
      documented.disagreement({ method: 'GET', path, status, contentType: headers.get('content-type'), body }),
    ).toBeUndefined();
    expect(documented.seen).toEqual(
      new Set(
        ['/v1/events', '/v1/events/verify', '/v1/checkpoints']
          .flatMap((at) => [200, 400, 401].map((s) => `GET ${at} ${s}`))
          .concat('GET /v1/events/export 400', 'GET /v1/events/export 401', 'GET /v1/holds 200', 'GET /v1/holds 401')
          .concat('GET /openapi.json 200'),
      ),
    );
  });
});
