import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { providerManifestSchema, type ProviderManifest } from '@keyward/connectors';
import { APP_CLIENT, appManifest, AppServer, type AppManifestOptions } from '@keyward/testing/app-server';
import { authorizationUrl } from '../authorize.js';
import { readCallback } from '../callback.js';
import { createPkcePair } from '../pkce.js';
import type { Wire } from '../wire.js';
import { verifyInstallation, type InstallationProof } from './verify-installation.js';

const wire: Wire = { fetch: (url, init) => fetch(url, init) };
const STATE = 'the-state';
const client = { ...APP_CLIENT };

let apps: AppServer;
beforeAll(async () => {
  apps = await AppServer.start();
});
afterAll(() => apps.stop());
beforeEach(() => {
  apps.people.clear();
  apps.people.set('ada', [11, 12]).set('mallory', [66]);
  apps.refusals.length = 0;
  apps.live.clear();
  apps.pageSize = 100;
  apps.list = undefined;
  apps.revocationStatus = undefined;
});

/** `${client.id}` is what is late in it. */
function provider(options: AppManifestOptions = {}): ProviderManifest {
  const text = JSON.stringify(appManifest('apps', apps.url, options)).replaceAll('${client.id}', APP_CLIENT.clientId);
  return providerManifestSchema.parse(JSON.parse(text));
}

interface Came {
  manifest?: ProviderManifest;
  /** What was changed on the way back. */
  changed?: Record<string, string>;
}

/** As it comes back with the browser of a person who has installed the app. */
async function proofOf(person: string, installation: number | string, came: Came = {}): Promise<InstallationProof> {
  const { manifest = provider(), changed = {} } = came;
  const { verifier, challenge } = await createPkcePair(manifest);
  const request = { provider: manifest, client, redirectUri: 'https://keyward.example/cb', scopes: [], state: STATE };
  const query = apps.install(person, authorizationUrl({ ...request, codeChallenge: challenge }).href, installation);
  for (const [name, value] of Object.entries(changed)) query.set(name, value);
  const callback = readCallback(manifest, client, query, STATE);
  if (callback.kind !== 'installed') throw new Error('not installed');
  const { captured, code } = callback;
  return { provider: manifest, client, installationId: captured['installation_id'], code, codeVerifier: verifier };
}

const refused = { code: 'invalid_request', message: expect.stringContaining('none that this person has') };

describe('the installation that a redirect names', () => {
  it.each([{}, { pkce: false }])(
    'that is the person’s own is accepted, and the person’s token is ended (%j)',
    async (options) => {
      await verifyInstallation(await proofOf('ada', 12, { manifest: provider(options) }), wire);
      expect([apps.refusals, apps.live.size]).toEqual([[], 0]);
    },
  );

  it('that is somebody else’s is refused, and the person’s token is ended all the same', async () => {
    const proof = await proofOf('mallory', 66, { changed: { installation_id: '11' } });
    await expect(verifyInstallation(proof, wire)).rejects.toMatchObject(refused);
    expect([apps.refusals, apps.live.size, apps.installationTokens]).toEqual([[], 0, []]);
  });

  it.each([
    ['the beginning of one', '1'],
    ['more than one', '11,12'],
    ['one in another spelling', '011'],
    ['one with a fraction', '11.0'],
  ])('that is %s of the person’s is none of them', async (_what, installation_id) => {
    const changed = { installation_id };
    const proof = await proofOf('ada', 11).then((one) => ({ ...one, installationId: changed.installation_id }));
    await expect(verifyInstallation(proof, wire)).rejects.toMatchObject(refused);
  });

  it('is looked for on every page, and no further', async () => {
    apps.pageSize = 3;
    apps.people.set('ada', [1, 2, 3, 4, 5, 6, 7, 8]);
    const pages = async (installation: number) => {
      const before = apps.requests.length;
      await verifyInstallation(await proofOf('ada', installation), wire);
      return apps.requests.slice(before).filter(({ url }) => url.startsWith('/user/')).length;
    };
    expect([await pages(2), await pages(5), await pages(8)]).toEqual([1, 2, 3]);
  });

  it('needs no proof where the manifest declares none', async () => {
    const manifest = provider({ userAuthorization: false });
    const before = apps.requests.length;
    const proof = { provider: manifest, client, installationId: '66', code: undefined, codeVerifier: 'v' };
    await verifyInstallation(proof, wire);
    expect(apps.requests).toHaveLength(before);
  });
});

describe('the code beside it', () => {
  it.each(['', '&code=', '&code=a&code=b'])('must be there, once (%j)', (more) => {
    const query = new URLSearchParams(`installation_id=11&state=${STATE}${more}`);
    expect(() => readCallback(provider(), client, query, STATE)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('that is missing asks nothing of anybody', async () => {
    const before = apps.requests.length;
    const proof = { provider: provider(), client, installationId: '11', code: undefined, codeVerifier: 'v' };
    await expect(verifyInstallation(proof, wire)).rejects.toMatchObject({ code: 'invalid_request' });
    const withoutSecret = { ...(await proofOf('ada', 11)), client: { clientId: APP_CLIENT.clientId } };
    await expect(verifyInstallation(withoutSecret, wire)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(apps.requests).toHaveLength(before);
  });

  it('is taken once', async () => {
    const proof = await proofOf('ada', 11);
    await verifyInstallation(proof, wire);
    await expect(verifyInstallation(proof, wire)).rejects.toMatchObject({ failure: 'invalid_grant' });
  });

  it.each([true, false])('of another person shows that person’s installations, not these (PKCE %s)', async (pkce) => {
    const manifest = provider({ pkce });
    const changed = { code: apps.authorize('mallory') };
    const attempt = verifyInstallation(await proofOf('ada', 11, { manifest, changed }), wire);
    await expect(attempt).rejects.toMatchObject(pkce ? { failure: 'invalid_grant' } : refused);
  });

  it('that was made in another browser is worth nothing with PKCE', async () => {
    const stolen = await proofOf('ada', 11);
    const proof = await proofOf('mallory', 66, { changed: { code: stolen.code ?? '', installation_id: '11' } });
    await expect(verifyInstallation(proof, wire)).rejects.toMatchObject({ failure: 'invalid_grant' });
  });
});

describe('a list of installations that is none', () => {
  const entry = (id: unknown) => JSON.stringify({ installations: [{ id }] });
  const elsewhere = '<http://127.0.0.1:9/user/installations?page=2>; rel="next"';

  it.each<[string, () => ReturnType<NonNullable<AppServer['list']>>]>([
    ['no JSON', () => ({ body: '<html>' })],
    ['another document', () => ({ body: '{"items":[{"id":11}]}' })],
    ['a list of lists', () => ({ body: '{"installations":{"0":{"id":11}}}' })],
    ['an entry without an id', () => ({ body: '{"installations":[{"id":12},{}]}' })],
    ['an id that is no id', () => ({ body: entry({ toString: '11' }) })],
    ['an id beyond what a number holds', () => ({ body: '{"installations":[{"id":90071992547409930}]}' })],
    ['a megabyte of depth', () => ({ body: '['.repeat(200_000) })],
    ['10 MB', () => ({ body: `{"installations":[{"id":11,"pad":"${'x'.repeat(10_000_000)}"}]}` })],
    ['a page elsewhere', () => ({ body: entry(99), link: elsewhere })],
    ['a page that is no page', () => ({ body: entry(99), link: '<https://[>; rel=next' })],
    ['a page after every page', () => ({ body: entry(99), link: '</user/installations?page=2>; rel=next' })],
    ['a redirect', () => ({ status: 302, body: '' })],
    ['a refusal', () => ({ status: 401, body: entry(11) })],
  ])('%s stores nothing, and the person’s token is ended', async (_what, answer) => {
    apps.list = answer;
    const before = apps.requests.length;
    const attempt = verifyInstallation(await proofOf('ada', 11), wire);
    await expect(attempt).rejects.toMatchObject({ failure: expect.stringMatching(/^(malformed|rejected)$/) });
    expect(apps.live.size).toBe(0);
    expect(apps.requests.length - before).toBeLessThan(25);
  });

  it('that is only not there now can be asked for again', async () => {
    apps.list = () => ({ status: 503, body: '' });
    await expect(verifyInstallation(await proofOf('ada', 11), wire)).rejects.toMatchObject({ failure: 'transient' });
  });
});

describe('the person’s token', () => {
  it('that the provider does not end is told, and does not stand in the way', async () => {
    apps.revocationStatus = 503;
    const told: unknown[] = [];
    const proof = { ...(await proofOf('ada', 11)), onUnrevoked: (error: unknown) => told.push(error) };
    await verifyInstallation(proof, wire);
    expect(told).toEqual([expect.objectContaining({ failure: 'transient' })]);
    expect(inspect(told, { depth: 9 })).not.toMatch(/canary/);
  });

  it('is in no error', async () => {
    for (const list of [
      undefined,
      () => ({ body: 'user-token-canary' }),
      () => ({ status: 400, body: '{"error":"user-token-canary"}' }),
    ]) {
      apps.list = list;
      const thrown: unknown = await verifyInstallation(await proofOf('mallory', 11), wire).catch((error: unknown) => error);
      expect(inspect(thrown, { depth: 9 })).not.toMatch(/canary/);
    }
  });

  it('is asked for and used within one deadline', async () => {
    apps.list = () => ({ body: entryless, link: '</user/installations?page=2>; rel="next"' });
    const entryless = '{"installations":[]}';
    const slow: Wire = {
      fetch: (url, init) => (url.includes('/user/') ? hanging(init.signal) : fetch(url, init)),
      timeoutMs: 200,
    };
    await expect(verifyInstallation(await proofOf('ada', 11), slow)).rejects.toMatchObject({ failure: 'transient' });
    expect(apps.live.size).toBe(0);
  });
});

function hanging(signal: AbortSignal | undefined): Promise<Response> {
  return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('too late'))));
}
