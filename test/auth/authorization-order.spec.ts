import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { createDataSource, migrate } from '@keyward/postgres';
import { testPostgres, withClockSetBy, type TestPostgres } from '@keyward/testing';
import type { DataSource } from 'typeorm';
import type { GrantToStore } from '../../apps/auth-service/src/connect/store-grant.js';
import { recordAuthorization } from '../../apps/auth-service/src/connect/write-grant.js';

let postgres: TestPostgres;
let dataSource: DataSource;
beforeAll(async () => {
  postgres = await testPostgres();
  await migrate(postgres.url);
  dataSource = await createDataSource({ url: postgres.url, applicationName: 'authorization-order' }).initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await postgres.stop();
});

describe('authorizations of one connection', () => {
  it('are in their order, whichever replicas recorded them and whatever their clocks say', async () => {
    const [org, connection] = [newId('org'), newId('conn')];
    await dataSource.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [org]);
    await dataSource.query(
      `INSERT INTO vault.connection (id, org_id, kind, provider, status) VALUES ($1, $2, 'workspace', 'sandbox', 'active')`,
      [connection, org],
    );
    const target = { org, kind: 'workspace', agent: null, user: null, provider: 'sandbox', alias: 'default', grantees: [] };
    const record = (generation: number, requested: string) => {
      const request = { target, requestedScopes: [requested], authorizedBy: { kind: 'admin', id: 'admin' } };
      const destination = { connection, generation, scopesBefore: undefined };
      return dataSource.transaction((em) =>
        recordAuthorization(em, request as unknown as GrantToStore, destination, [requested]),
      );
    };
    await withClockSetBy(5 * 60_000, () => record(1, 'first'));
    await withClockSetBy(-5 * 60_000, () => record(2, 'second'));
    const rows = await dataSource.query<{ generation: number; requested_scopes: string[] }[]>(
      'SELECT generation, requested_scopes FROM vault.connection_authorization WHERE connection_id = $1 ORDER BY authorized_at, id',
      [connection],
    );
    expect(rows).toEqual([
      { generation: 1, requested_scopes: ['first'] },
      { generation: 2, requested_scopes: ['second'] },
    ]);
  });
});
