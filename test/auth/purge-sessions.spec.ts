import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDataSource } from '@keyward/postgres';
import { purgeSessions } from '../../apps/auth-service/src/connect/purge-sessions.js';
import { Browser } from './browser.js';
import { AuthHarness } from './harness.js';

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());

it('links go a month after they expired, with what was made from them, and no other', async () => {
  const tenant = await auth.tenant();
  const [used, unused, young] = [await auth.session(tenant), await auth.session(tenant), await auth.session(tenant)];
  await new Browser().connect(used.url);
  await new Browser().connect(young.url);
  const old = `expires_at = now() - interval '31 days'`;
  await auth.database.query(`UPDATE connect.connect_session SET ${old} WHERE id IN ($1, $2)`, [used.id, unused.id]);
  await auth.database.query(`UPDATE connect.authorization_transaction SET ${old} WHERE session_id = $1`, [used.id]);

  const dataSource = createDataSource({ url: auth.loginUrl, applicationName: 'test' });
  await dataSource.initialize();
  try {
    expect(await purgeSessions(dataSource, new Date())).toBe(2);
    expect(await purgeSessions(dataSource, new Date())).toBe(0);
  } finally {
    await dataSource.destroy();
  }
  const { rows } = await auth.database.query(
    'SELECT s.id, count(t.*)::int AS transactions FROM connect.connect_session s LEFT JOIN connect.authorization_transaction t ON t.session_id = s.id GROUP BY s.id',
  );
  expect(rows).toEqual([{ id: young.id, transactions: 1 }]);
  expect((await auth.connections(tenant))[0]?.status).toBe('active');
});
