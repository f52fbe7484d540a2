import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { objectKey } from '@keyward/objects';
import { createFileObjectStore } from '@keyward/objects-file';
import { ask, startHarness, type Harness } from './harness.js';
import type { SeededAgent } from './seed.js';

describe('GET /v1/artifacts/{id}', () => {
  let harness: Harness;
  let ada: SeededAgent;
  let sibling: SeededAgent;
  let foreign: SeededAgent;
  const dir = mkdtempSync(join(tmpdir(), 'keyward-objects-'));
  const store = createFileObjectStore({ dir });
  const page = Buffer.from('<script>alert(1)</script>');

  beforeAll(async () => {
    harness = await startHarness({ env: { KEYWARD_OBJECTS: 'file', KEYWARD_OBJECTS_DIR: dir } });
    const all = { connector: 'sandbox', permission: 'read', tools: null } as const;
    const org = await harness.seed.organization();
    [ada, sibling] = [await harness.seed.agent(org, all), await harness.seed.agent(org, all)];
    foreign = await harness.seed.agent(await harness.seed.organization(), all);
  });
  afterAll(async () => {
    await harness?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function kept(owner: SeededAgent, keepMs = 60_000, isStored = true): Promise<string> {
    const id = await harness.seed.artifact(owner, { type: 'text/html', body: page, keepMs });
    if (isStored) await store.put(objectKey(owner.org, id), page, 'text/html');
    return id;
  }

  it('gives the bytes with their type and digest, and nothing that a browser would run', async () => {
    const id = await kept(ada);
    const answer = await fetch(`${harness.url}/v1/artifacts/${id}`, { headers: { authorization: `Bearer ${ada.key}` } });
    expect(Buffer.from(await answer.arrayBuffer()).equals(page)).toBe(true);
    expect([answer.status, Object.fromEntries(answer.headers)]).toMatchObject([
      200,
      {
        'content-type': 'text/html',
        'content-length': String(page.length),
        'repr-digest': `sha-256=:${createHash('sha256').update(page).digest('base64')}:`,
        'content-disposition': 'attachment',
        'content-security-policy': "default-src 'none'; sandbox",
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      },
    ]);
  });

  it('knows none of another agent or organization, none that expired, was lost, never was or is no id', async () => {
    const own = await kept(ada);
    const asked: [string, string][] = [
      [own, sibling.key],
      [own, foreign.key],
      [await kept(ada, 0), ada.key],
      [await kept(ada, 60_000, false), ada.key],
      [newId('art'), ada.key],
      [own.toUpperCase(), ada.key],
      ['..%2f..%2fetc%2fpasswd', ada.key],
    ];
    for (const [id, key] of asked) {
      const { status, body } = await ask(harness.url, `/v1/artifacts/${id}`, { key });
      expect([id, status, body['code'], body['detail']]).toEqual([
        ...[id, 404, 'not_found'],
        'There is no result with this id, or it is no longer kept.',
      ]);
    }
  });

  it('asks who is asking', async () => {
    const { status, body } = await ask(harness.url, `/v1/artifacts/${await kept(ada)}`, { key: 'kwa_wrong' });
    expect([status, body['code']]).toEqual([401, 'unauthenticated']);
  });
});
