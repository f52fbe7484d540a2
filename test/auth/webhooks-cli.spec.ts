import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CreatedWebhookEndpoint, WebhookEndpoint } from '@keyward/contracts';
import { ADMIN_TOKEN } from './harness.js';
import { answering, verify, type Received } from './webhook-receiver.js';
import { WebhookWorld } from './webhook-world.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FROM_SOURCE = ['--conditions=@keyward/source', '--import', './test/support/source-loader.mjs', 'tools/cli/src/main.ts'];

let here: WebhookWorld;
let org: string;
beforeAll(async () => {
  here = await WebhookWorld.start();
  ({ org } = await here.auth.team());
});
afterAll(() => here.stop());

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

function keyward(...args: string[]): Promise<Ran> {
  const target = { KEYWARD_URL: here.auth.url, KEYWARD_TOKEN: ADMIN_TOKEN, KEYWARD_ORG: org, KEYWARD_HOME: '/nowhere' };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...FROM_SOURCE, 'webhooks', ...args], {
      cwd: ROOT,
      env: { HOME: '/nowhere', ...target },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await keyward(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

describe('keyward webhooks', () => {
  it('adds an address, tries it, rotates its secret, changes it and removes it', async () => {
    const path = here.path();
    const url = here.receiver.origin + path;
    const made = await json<CreatedWebhookEndpoint>('add', url, '--event', 'connection.revoked,connection.refreshed');
    expect(made).toMatchObject({ url, events: ['connection.revoked', 'connection.refreshed'] });
    const tried = await keyward('test', made.id);
    expect([tried.code, tried.stdout]).toEqual([0, expect.stringMatching(/^delivered +yes\nstatus +204\n/)]);
    expect(verify(made.secret, here.receiver.at(path)[0] as Received)).toMatchObject({ type: 'webhook.test' });
    here.receiver.answer(path, answering(500));
    expect(await keyward('test', made.id)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^delivered +no\nstatus +500\n/),
    });
    const rotated = await keyward('rotate-secret', made.id, '--overlap', '60');
    expect(rotated.stdout).toMatch(/^whe_[0-9a-f]{32} [^\n]+\nwhsec_[^\n]+\n$/);
    await here.publish(org, 'revoked');
    await here.delivery(made, ({ status }) => status === 500);
    const sent = await keyward('deliveries', made.id);
    expect(sent.stdout).toMatch(/^MESSAGE +EVENT +STATE +ATTEMPTS +ANSWER/);
    expect(sent.stdout).toMatch(/^msg_[0-9a-f]{32} +connection\.revoked +pending +1 +500 +conn_/m);
    expect((await keyward('list')).stdout).toContain('failing since');
    const changed = await json<WebhookEndpoint>('update', made.id, '--no-enable', '--description', 'Off duty');
    expect(changed).toMatchObject({ enabled: false, description: 'Off duty' });
    const shown = await keyward('get', made.id);
    expect(shown.stdout).toMatch(/^state +disabled$/m);
    expect(shown.stdout).not.toContain('whsec_');
    expect((await keyward('remove', made.id)).stdout).toBe(`${made.id} is removed.\n`);
    expect((await keyward('list')).stdout).toBe('Nobody is told. Add an address: keyward webhooks add <address>\n');
  });

  it.each([
    ['an address that can be none', ['add', 'http://receiver.example/'], 1, '/url: must be an https URL'],
    ['an event that there is not', ['add', 'https://receiver.example/', '--event', 'x'], 1, '/events/0'],
    ['nothing to change', ['update', 'whe_x'], 2, '--no-enable'],
    ['an endpoint of nobody’s', ['get', `whe_${'0'.repeat(32)}`], 1, 'There is no such webhook endpoint.'],
  ])('answers %s with what is wrong', async (_what, args, code, text) => {
    const ran = await keyward(...args);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' });
    expect(ran.stderr).toContain(text);
  });
});
