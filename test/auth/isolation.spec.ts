import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sandboxConnectors } from '@keyward/testing';
import type { AuthHarness } from './harness.js';
import { CONNECTORS, documented } from './harness.js';
import { routeOf, type Route } from './isolation-requests.js';
import { absentId, furnish, snapshot, type Ids, type Kind } from './isolation-world.js';
import { joinAs } from './members.js';
import { startSignIn, type OidcServer } from './oidc-server.js';

/** For the operator alone, and those about oneself. */
const OTHERS = new Set([
  ...['createOrganization', 'listOrganizations', 'rewrapVault', 'getMe', 'createCliSession', 'endCliSession'],
  ...['listDeadLetters', 'getDeadLetter', 'replayDeadLetter', 'discardDeadLetter'],
]);

let auth: AuthHarness;
let oidc: OidcServer;
let ours: Ids;
let theirs: Ids;
let removed: Ids;
let token: string;
let routes: Route[];

beforeAll(async () => {
  ({ auth, oidc } = await startSignIn({
    KEYWARD_PUBLIC_REQUESTS_PER_MINUTE: '100000',
    KEYWARD_CONNECTORS_DIR: sandboxConnectors(CONNECTORS, 'slack'),
  }));
  ours = (await furnish(auth, 'ours')).ids;
  theirs = (await furnish(auth, 'theirs')).ids;
  token = await joinAs(auth, oidc, ours.org, 'owner');
  removed = await removeSome(ours);
  routes = documented.details
    .filter(({ path, id }) => path.startsWith('/v1/') && !OTHERS.has(id))
    .flatMap(({ id, method, path }) => routeOf(id, method, path));
});
afterAll(async () => {
  await auth.stop();
  await oidc.stop();
});

/** Things of our own that there were, and are no more. */
async function removeSome({ org, agent, issuer }: Ids): Promise<Ids> {
  const made = async (path: string, body: object): Promise<string> =>
    String((await auth.ask(path, { body: { organization: org, ...body } })).body['id']);
  const gone = async (path: string, id: string): Promise<string> => {
    const { status } = await auth.ask(`${path}/${id}?organization=${org}`, { method: 'DELETE' });
    expect(status).toBeLessThan(300);
    return id;
  };
  const bindings = `/v1/trusted-issuers/${issuer}/bindings`;
  return {
    ...ours,
    member: await gone('/v1/members', await made('/v1/members', { email: 'gone@example.com', role: 'owner' })),
    app: await gone(
      '/v1/provider-apps',
      await made('/v1/provider-apps', { provider: 'slack', clientId: 'c', clientSecret: 's' }),
    ),
    issuer: await gone(
      '/v1/trusted-issuers',
      await made('/v1/trusted-issuers', { issuer: 'https://gone.example', audience: `keyward:${org}:gone` }),
    ),
    endpoint: await gone('/v1/webhook-endpoints', await made('/v1/webhook-endpoints', { url: 'https://gone.example/' })),
    binding: await gone(bindings, await made(bindings, { agent, claims: { sub: 'gone' } })),
  };
}

const swapCase = (text: string): string =>
  [...text].map((char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase())).join('');

/** Ids that are not there to be seen, one way or the other. */
function variants(kind: Kind): [string, string][] {
  const [own, foreign] = [ours[kind], theirs[kind]];
  const all: [string, string][] = [['foreign', foreign]];
  if (removed[kind] !== own) all.push(['deleted', removed[kind]]);
  // A user is whatever the platform calls them; there is none that could not be.
  if (kind === 'user') return all;
  all.push(['foreign in capitals', swapCase(foreign)], ['own in capitals', swapCase(own)]);
  // A connector's name is no id of ours: what can be none is told as such.
  if (kind === 'connector') return all;
  return [
    ...all,
    ['own with a space', `${own} `],
    ['own with a line break', `${own}\n`],
    ['own with a NUL', `${own}\u0000`],
    ['own, cut short', own.slice(0, -1)],
    ['own of another kind', own.replace(/^[a-z]+/, 'exe')],
    ['foreign with a wildcard', `${foreign.slice(0, -1)}%`],
    ['a path', `../${foreign}`],
    ['a prototype key', '__proto__'],
  ];
}

/** Of a callback the agent is asked only once its state has proven valid: one that can be no id is refused before, whatever the state. */
function isToldApart({ name }: Route, kind: Kind, what: string): boolean {
  return name === 'custody handle_oauth_callback' && kind === 'agent' && what !== 'foreign';
}

/** What came back, without what differs from request to request. */
async function answer(route: Route, ids: Ids): Promise<string> {
  const { path, ...init } = route.request(ids);
  const { status, body } = await auth.ask(path, { ...init, token });
  const { traceId: _traceId, ...rest } = body;
  const given = JSON.stringify([...new Set(Object.values(ids))]);
  return `${status} ${JSON.stringify(rest, (_key, value: unknown) =>
    typeof value === 'string' && (given.includes(JSON.stringify(value)) || /^\d{4}-\d\d-\d\dT/.test(value)) ? '·' : value,
  )}`;
}

describe('isolation', () => {
  it('no id that is not ours, or no id at all, is answered in another way than one that does not exist', async () => {
    const before = await snapshot(auth, theirs.org);
    const leaks: string[] = [];
    let combinations = 0;
    for (const route of routes) {
      for (const kind of route.kinds) {
        const absent = await answer(route, { ...ours, [kind]: absentId(kind) });
        for (const [what, id] of variants(kind).filter(([name]) => !isToldApart(route, kind, name))) {
          combinations++;
          const seen = await answer(route, { ...ours, [kind]: id });
          if (seen !== absent) leaks.push(`${route.name}, ${kind} ${what}: ${seen} instead of ${absent}`);
        }
      }
      // The whole of another organization, and ours mixed with it.
      const nobody = await answer(route, { ...ours, org: absentId('org') });
      const inOurs = route.kinds.length > 1 ? [{ ...theirs, org: ours.org }] : [];
      for (const ids of [theirs, { ...ours, org: theirs.org }, ...inOurs]) {
        combinations++;
        const seen = await answer(route, ids);
        const absent = ids.org === ours.org ? await answer(route, allAbsent(ours.org)) : nobody;
        if (seen !== absent)
          leaks.push(
            `${route.name}, all of it (${ids.org === ours.org ? 'in ours' : 'in theirs'}): ${seen} instead of ${absent}`,
          );
      }
    }
    process.stdout.write(`isolation: ${routes.length} routes, ${combinations} combinations, ${leaks.length} leaks\n`);
    expect(leaks).toEqual([]);
    expect(combinations).toBeGreaterThan(900);
    expect(await snapshot(auth, theirs.org)).toBe(before);
  }, 120_000);
});

function allAbsent(org: string): Ids {
  const kinds = Object.keys(ours) as Kind[];
  return { ...(Object.fromEntries(kinds.map((kind) => [kind, absentId(kind)])) as unknown as Ids), org };
}
