import { newId } from '@keyward/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RefreshStore } from '../test/refresh-store.js';
import { refreshedTokens } from '../test/tokens.js';
import type { SeededConnection } from '../test/vault-database.js';
import type { AuthorizedCredential, CredentialStore, StoredAuthorization } from './index.js';

let world: RefreshStore;
let store: CredentialStore;
let seeded: SeededConnection;

beforeAll(async () => {
  world = await RefreshStore.start();
  store = world.store;
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.clear();
  seeded = await world.database.newConnection(await world.database.newOrganization(), 'pending');
});

const authorize = (change: Partial<AuthorizedCredential> = {}): Promise<StoredAuthorization | null> =>
  world.authorize(seeded, 1, change);
const load = () => world.load(seeded);

describe('a credential without a refresh token', () => {
  it('that can be had again is claimed and renewed like any other', async () => {
    await authorize({ sealedRefresh: null, renewable: true });
    expect(await world.claimDue()).toMatchObject([{ connection: seeded.connection, generation: 1 }]);
    expect(await load()).toMatchObject({ sealedRefresh: null, renewable: true });
    expect(await store.commit({ ...refreshedTokens(seeded, 1), sealedRefresh: null }, [])).toBe(true);
    expect(await load()).toMatchObject({ generation: 2, sealedRefresh: null, renewable: true });
  });

  it('that can not is left alone, due or not', async () => {
    await authorize({ sealedRefresh: null, renewable: false });
    expect(await world.claimDue()).toEqual([]);
    expect(await world.claim(seeded, 'owner')).toEqual({ outcome: 'unavailable', status: 'active' });
  });

  it('stops being renewable with the renewal that says so', async () => {
    await authorize({ renewable: true });
    await store.commit({ ...refreshedTokens(seeded, 1), sealedRefresh: null, renewable: false }, []);
    expect(await load()).toMatchObject({ generation: 2, renewable: false });
    expect(await world.claimDue()).toEqual([]);
  });
});

describe('parameters of a connection', () => {
  it('are stored with its authorization, and stay where the next one says nothing', async () => {
    await authorize({ parameters: { host: 'https://a.example', tenant: 'acme' } });
    expect((await load()).parameters).toEqual({ host: 'https://a.example', tenant: 'acme' });
    await authorize({ generation: 2 });
    expect((await load()).parameters).toEqual({ host: 'https://a.example', tenant: 'acme' });
    await authorize({ generation: 3, parameters: {} });
    expect((await load()).parameters).toEqual({});
  });

  it('that a renewal tells anew replace the old ones, and no other', async () => {
    await authorize({ parameters: { host: 'https://a.example', tenant: 'acme' } });
    await store.commit({ ...refreshedTokens(seeded, 1), parameters: { host: 'https://b.example' } }, []);
    expect((await load()).parameters).toEqual({ host: 'https://b.example', tenant: 'acme' });
    await store.commit(refreshedTokens(seeded, 2), []);
    expect((await load()).parameters).toEqual({ host: 'https://b.example', tenant: 'acme' });
  });

  it('stay as they were when the renewal came too late', async () => {
    await authorize({ parameters: { host: 'https://a.example' } });
    expect(await store.commit({ ...refreshedTokens(seeded, 7), parameters: { host: 'https://evil.example' } }, [])).toBe(false);
    expect((await load()).parameters).toEqual({ host: 'https://a.example' });
  });
});

describe('what a renewal needs to know', () => {
  it('is the registration with all its secrets, and what was asked for in the latest authorization', async () => {
    await world.database.admin.query(
      `UPDATE vault.provider_app SET sealed_key = '\\x0102', certificate = 'PEM', parameters = '{"team":"t1"}', metadata = '{"issuer":"https://as.example"}' WHERE id = $1`,
      [seeded.app],
    );
    await authorize();
    for (const [at, scopes] of [
      ['2026-01-01', ['old']],
      ['2026-01-02', ['notes:read', 'notes:write']],
    ]) {
      await world.database.admin.query(
        `INSERT INTO vault.connection_authorization (id, org_id, connection_id, generation, requested_scopes, scopes, authorized_by_kind, authorized_by_id, authorized_at)
         VALUES ($1, $2, $3, 1, $4, '{}', 'user', 'ada', $5)`,
        [newId('auz'), seeded.org, seeded.connection, scopes, at],
      );
    }
    expect(await load()).toMatchObject({
      kind: 'agent',
      agent: seeded.agent,
      user: 'ada',
      scopes: ['notes:read'],
      requestedScopes: ['notes:read', 'notes:write'],
      providerApp: {
        orgId: seeded.org,
        id: seeded.app,
        clientId: 'client',
        sealedKey: Buffer.from([1, 2]),
        certificate: 'PEM',
        parameters: { team: 't1' },
        metadata: { issuer: 'https://as.example' },
      },
    });
  });

  it('is nothing of a registration where there is none; without a record of the authorization, what was granted is asked for', async () => {
    await world.database.admin.query(
      `UPDATE vault.connection SET provider_app_id = NULL, kind = 'workspace', agent_id = NULL, user_id = NULL WHERE id = $1`,
      [seeded.connection],
    );
    await authorize();
    expect(await load()).toMatchObject({
      ...{ kind: 'workspace', agent: null, user: null, providerApp: null, requestedScopes: ['notes:read'] },
    });
  });
});
