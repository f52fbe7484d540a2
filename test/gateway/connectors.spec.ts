import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { broadcastCatalogChanged } from '@keyward/jetstream';
import { waitFor } from '@keyward/testing';
import { ask, startHarness, type Harness } from './harness.js';
import { MountedFolder } from './mounted-folder.js';
import type { SeededAgent } from './seed.js';

const MANIFEST = `name: acme
title: Acme
auth: { kind: api_key }
base_url: https://api.acme.example
origins: ['https://api.acme.example']
`;
const tool = (name: string) => `- name: ${name}
  title: Get
  description: Gets.
  effect: read
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: GET, path: '/things/{id}' }
`;

let harness: Harness;
let ours: SeededAgent;
let theirs: SeededAgent;
beforeAll(async () => {
  harness = await startHarness();
  const assigned = { connector: 'acme', permission: 'read', tools: null } as const;
  ours = await harness.seed.agent(await harness.seed.organization(), assigned);
  theirs = await harness.seed.agent(await harness.seed.organization(), assigned);
  await harness.seed.connector(ours.org, 'acme', MANIFEST, tool('acme_get'));
});
afterAll(() => harness.stop());

async function names({ key }: SeededAgent, url = harness.url): Promise<string[]> {
  const { body } = await ask(url, '/v1/tools', { key });
  return (body['tools'] as { name: string }[]).map(({ name }) => name);
}

async function call({ key }: SeededAgent, name: string, args: object): Promise<unknown> {
  const { body } = await ask(harness.url, `/v1/tools/${name}/execute`, {
    key,
    body: { arguments: args, user: 'usr_ada', wait: 'none' },
  });
  return body['code'] ?? body['state'];
}

describe('a connector that an organization posted', () => {
  it('has its tools listed and called by agents of that organization, and for no other do they exist', async () => {
    expect(await names(ours)).toEqual(['acme_get']);
    expect(await names(theirs)).toEqual([]);
    expect(await call(ours, 'acme_get', { id: '1' })).toBe('queued');
    expect(await call(ours, 'acme_get', {})).toBe('invalid_arguments');
    expect(await call(theirs, 'acme_get', { id: '1' })).toBe('unknown_tool');
  });

  it('is what it became once a change is broadcast', async () => {
    await harness.seed.connector(ours.org, 'acme', MANIFEST, tool('acme_find'));
    await broadcastCatalogChanged(harness.nc, { org: ours.org });
    await waitFor(async () => (await names(ours)).includes('acme_find'));
    expect(await call(ours, 'acme_get', { id: '1' })).toBe('unknown_tool');
    expect(await call(ours, 'acme_find', { id: '1' })).toBe('queued');
  });
});

describe('a mounted folder of connectors', () => {
  const connector = (name: string, ...tools: string[]) => ({
    [`${name}/connector.yaml`]: MANIFEST.replaceAll('acme', name),
    [`${name}/tools.yaml`]: tools.map(tool).join(''),
  });
  let folder: MountedFolder;
  let replica: Awaited<ReturnType<Harness['startReplica']>>;
  let agent: SeededAgent;
  beforeAll(async () => {
    folder = new MountedFolder(connector('blue', 'blue_get'));
    replica = await harness.startReplica({
      ...{ KEYWARD_CONNECTORS_DIR: folder.path, KEYWARD_CONNECTOR_VARIABLES: '{}', KEYWARD_CONNECTORS_RELOAD_MS: '20' },
    });
    const all = ['blue', 'red'].map((name) => ({ connector: name, permission: 'read', tools: null }) as const);
    agent = await harness.seed.agent(await harness.seed.organization(), ...all);
  });
  afterAll(() => folder.remove());

  const listed = () => names(agent, replica.url);
  const reloads = async (result: string) => {
    const text = await (await fetch(new URL('/metrics', replica.service.opsUrl))).text();
    return Number(new RegExp(`^catalog_reloads_total\\{.*result="${result}".*\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  };

  it('has a new tool, and a new connector, as soon as they stand there', async () => {
    expect(await listed()).toEqual(['blue_get']);
    folder.replace({ ...connector('blue', 'blue_get', 'blue_find'), ...connector('red', 'red_get') });
    await waitFor(async () => (await listed()).length === 3);
    expect(await listed()).toEqual(['blue_find', 'blue_get', 'red_get']);
  });

  it('changes nothing while a file is broken, which is counted, and goes on when it is mended', async () => {
    const before = await reloads('refused');
    const blue = connector('blue', 'blue_get', 'blue_find');
    folder.replace({ ...blue, ...connector('red', 'red_put'), 'red/connector.yaml': 'name: [' });
    await waitFor(async () => (await reloads('refused')) > before);
    expect(await listed()).toEqual(['blue_find', 'blue_get', 'red_get']);
    folder.replace({ ...blue, ...connector('red', 'red_put') });
    await waitFor(async () => (await listed()).includes('red_put'));
    expect(await listed()).toEqual(['blue_find', 'blue_get', 'red_put']);
  });

  it('has no tool any more that is taken away, alone or with its connector', async () => {
    folder.replace(connector('blue', 'blue_get'));
    await waitFor(async () => (await listed()).length === 1);
    expect(await listed()).toEqual(['blue_get']);
    const gone = await ask(replica.url, '/v1/tools/red_put/execute', {
      key: agent.key,
      body: { arguments: {}, user: 'usr_ada' },
    });
    expect(gone.body['code']).toBe('unknown_tool');
    expect(await reloads('loaded')).toBe(3);
  });
});
