import { createCredentials, privateKeyContext, validMs, type CallQuery } from '@keyward/credentials';
import { newId } from '@keyward/contracts';
import { MemoryKms } from '@keyward/vault/testing';
import { withOrg } from '@keyward/postgres';
import { withClockSetBy } from '@keyward/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { VaultDatabase, type SeededConnection } from '../test/vault-database.js';
import { createCallCredentialStore, createCredentialStore, createDataKeyStore } from './index.js';

const ACCESS = 'ya29.a0-canary';
/** As long as one of RSA. */
const KEY = 'a line of the key\n'.repeat(100);

describe('opening a credential for a call', () => {
  let database: VaultDatabase;
  let auth: DataSource;
  let executor: DataSource;
  let seeded: SeededConnection;
  const kms = new MemoryKms();

  beforeAll(async () => {
    database = await VaultDatabase.start();
    [auth, executor] = [await database.as('auth'), await database.as('executor')];
    seeded = await database.newConnection(await database.newOrganization(), 'pending');
    const { org, connection } = seeded;
    const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(auth) });
    const sealed = await credentials.sealTokens({ org, connection, generation: 1, accessToken: ACCESS, refreshToken: 'r' });
    const stored = await withOrg(auth, org, (em) =>
      createCredentialStore(auth).storeAuthorized(em, {
        ...sealed,
        org,
        connection,
        generation: 1,
        scopes: ['notes:read', 'notes:write'],
        parameters: { subdomain: 'acme' },
        renewable: true,
        ...{ accessExpiresInMs: 3_600_000, refreshInMs: null, awakeRefreshInMs: null, refreshExpiresInMs: null },
      }),
    );
    expect(stored).not.toBeNull();
  });
  afterAll(() => database.stop());

  function query(change: Partial<CallQuery> = {}): CallQuery {
    const { org, agent, user } = seeded;
    return { org, agent, user, connector: 'sandbox', provider: 'sandbox', alias: 'default', ...change };
  }

  it('answers what the agent may do and its connection, and the token opens with just that', async () => {
    const askedAt = performance.now();
    const answer = await createCallCredentialStore(executor).openForCall(query());
    expect(answer).toEqual({
      permission: 'read',
      tools: ['sandbox_echo'],
      connection: {
        id: seeded.connection,
        kind: 'agent',
        alias: 'default',
        status: 'active',
        statusReason: null,
        scopes: ['notes:read', 'notes:write'],
        generation: 1,
        sealedAccess: expect.any(Buffer),
        accessExpiresInMs: expect.any(Number),
        readAt: expect.any(Number),
        refreshable: true,
        parameters: { subdomain: 'acme' },
        clientId: 'client',
        appParameters: {},
        clientCertificate: null,
      },
    });
    expect(answer.connection?.readAt).toBeGreaterThanOrEqual(askedAt);
    const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(executor) });
    const ref = {
      org: seeded.org,
      connection: seeded.connection,
      generation: 1,
      sealedAccess: answer.connection?.sealedAccess ?? Buffer.alloc(0),
    };
    expect(await credentials.open(ref, async (token) => token)).toBe(ACCESS);
  });

  it('answers calls that share a round trip each with its own, also where the next has nothing', async () => {
    const bare = await database.newConnection(seeded.org);
    const store = createCallCredentialStore(executor);
    const asked = Array.from({ length: 150 }, (_, index) =>
      [
        query(),
        query({ agent: bare.agent }),
        query({ user: 'grace' }),
        query({ connection: seeded.connection, alias: 'other' }),
      ].at(index % 4),
    );
    const answers = await Promise.all(asked.map((one) => store.openForCall(one ?? query())));
    const expected = [seeded.connection, bare.connection, undefined, seeded.connection];
    expect(answers.map(({ connection }) => connection?.id)).toEqual(asked.map((_, index) => expected[index % 4]));
    const { accessExpiresInMs, readAt, ...lasting } = answers[0]?.connection ?? { accessExpiresInMs: 0, readAt: 0 };
    expect((await store.openForCall(query())).connection).toMatchObject(lasting);
    expect([accessExpiresInMs, readAt]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(answers.every(({ connection }) => (connection?.sealedAccess ?? null) === null || connection?.generation === 1)).toBe(
      true,
    );
  });

  it.each([
    ['an hour', "now() + interval '1 hour'", 3_600_000],
    ['the past', "now() - interval '10 seconds'", -10_000],
    ['ten years', "now() + interval '3650 days'", 315_360_000_000],
  ])('tells how long the token holds by the clock of the database, never too long: %s', async (_what, at, ms) => {
    await database.admin.query(`UPDATE vault.credential SET access_expires_at = ${at} WHERE connection_id = $1`, [
      seeded.connection,
    ]);
    const updatedAt = performance.now();
    await withClockSetBy(5 * 60_000, async () => {
      const { connection } = await createCallCredentialStore(executor).openForCall(query());
      const left = validMs(connection ?? { accessExpiresInMs: NaN, readAt: 0 });
      expect(left).toBeLessThanOrEqual(ms);
      expect(left).toBeGreaterThan(ms - (performance.now() - updatedAt) - 1_000);
    });
  });

  it('tells nothing of the end of a token that has none', async () => {
    await database.admin.query('UPDATE vault.credential SET access_expires_at = NULL WHERE connection_id = $1', [
      seeded.connection,
    ]);
    const { connection } = await createCallCredentialStore(executor).openForCall(query());
    expect(validMs(connection ?? { accessExpiresInMs: 0, readAt: 0 })).toBe(Infinity);
  });

  it('answers the certificate of a registration that has one, and its key opens with just that', async () => {
    const { org, agent, app } = await database.newConnection(seeded.org);
    const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(auth) });
    const sealedKey = await credentials.sealSecret(privateKeyContext({ org, id: app, generation: 3 }), KEY);
    const change = (certificate: string | null, key: Buffer | null) =>
      database.admin.query('UPDATE vault.provider_app SET certificate = $2, sealed_key = $3, generation = 3 WHERE id = $1', [
        ...[app, certificate, key],
      ]);
    const find = async () => (await createCallCredentialStore(executor).openForCall(query({ agent }))).connection;
    await change('PEM', sealedKey);
    const found = (await find())?.clientCertificate;
    expect(found).toEqual({ app, generation: 3, certificate: 'PEM', sealedKey });
    expect(await credentials.openSecret(privateKeyContext({ org, id: app, generation: 3 }), sealedKey, async (key) => key)).toBe(
      KEY,
    );
    // Half of it is of no use.
    await change('PEM', null);
    expect((await find())?.clientCertificate).toBeNull();
    await change(null, sealedKey);
    expect((await find())?.clientCertificate).toBeNull();
  });

  it('answers a connection without a credential as generation 0', async () => {
    const bare = await database.newConnection(seeded.org);
    const { connection } = await createCallCredentialStore(executor).openForCall(query({ agent: bare.agent }));
    expect(connection).toMatchObject({ id: bare.connection, generation: 0, sealedAccess: null, refreshable: false });
  });

  it.each<[string, Partial<CallQuery>]>([
    ['another user', { user: 'grace' }],
    ['another alias', { alias: 'second' }],
    ['another provider', { provider: 'github' }],
    ['an id that is not there', { connection: newId('conn') }],
  ])('answers no connection for %s', async (_what, change) => {
    expect(await createCallCredentialStore(executor).openForCall(query(change))).toMatchObject({
      permission: 'read',
      connection: null,
    });
  });

  it('answers nothing at all for a foreign organization or agent', async () => {
    for (const change of [{ org: await database.newOrganization() }, { agent: newId('agt') }]) {
      expect(await createCallCredentialStore(executor).openForCall(query(change))).toEqual({
        permission: null,
        tools: null,
        connection: null,
      });
    }
  });
});
