import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { broadcastCatalogChanged } from '@keyward/jetstream';
import { waitFor } from '@keyward/testing';
import { ask, startHarness, type Harness } from './harness.js';
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

async function names({ key }: SeededAgent): Promise<string[]> {
  const { body } = await ask(harness.url, '/v1/tools', { key });
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
