import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AppliedManifest, Connection, ConnectionTest, ConnectSession, ExecutionResult } from '@keyward/contracts';
import { connectUser, walkConnectPages } from '@keyward/stack';
import { root, runProgram, type Ran } from './support/run-program.js';
import { wholeSystem } from './support/whole-system.js';

const MANIFEST = `agent: reporter
name: Reporter
tools:
  - { name: sandbox_list_notes, connector: sandbox }
  - { name: sandbox_create_note, connector: sandbox }
permissions: { sandbox: write }
`;

describe('keyward, the command line', () => {
  const system = wholeSystem();
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'keyward-cli-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  /** In a directory of its own, against the stack, as `npm start` would have left it. */
  const given = (input: string, ...args: string[]): Promise<Ran> =>
    runProgram('tools/cli/bin/keyward.mjs', args, { KEYWARD_HOME: system.stack.paths.dir, HOME: dir }, input);
  const keyward = (...args: string[]): Promise<Ran> => given('', ...args);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await keyward(...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as T;
  };

  it('finds the stack that runs here, and says who one is', async () => {
    const { code, stdout } = await keyward('whoami');
    expect(code).toBe(0);
    expect(stdout).toContain('the operator of this deployment');
    expect(stdout).toContain(system.stack.info.authUrl);
    expect(stdout).not.toContain(system.stack.info.admin.token);
  });

  it('prints tables for people, and the answer as it came for programs', async () => {
    const { stdout } = await keyward('providers', 'list', '--search', 'sandbox');
    expect(stdout.split('\n')[0]).toMatch(/^NAME +TITLE +BY +TOOLS/);
    expect(stdout).toMatch(/^sandbox_key +Sandbox \(API key\) +api_key/m);
    const providers = await json<{ name: string }[]>('providers', 'list', '--search', 'sandbox');
    expect(providers.map(({ name }) => name)).toContain('sandbox_key');
  });

  it('makes an agent, assigns, keys, and rotates the key', async () => {
    expect((await keyward('agents', 'create', 'clerk', 'Clerk')).code).toBe(0);
    await json('agents', 'assign', 'clerk', 'sandbox', '--permission', 'write');
    const key = (await keyward('agents', 'create-key', 'clerk')).stdout.trim();
    expect(key).toMatch(/^kwa_/);
    const keys = await json<{ id: string; expiresAt: string | null }[]>('agents', 'keys', 'clerk');
    const rotated = await json<{ key: string }>('agents', 'rotate-key', 'clerk', keys[0]?.id ?? '', '--overlap', '60');
    expect(rotated.key).not.toBe(key);
    const after = await keyward('agents', 'keys', 'clerk');
    expect(after.stdout).toContain('ends ');
    expect(after.stdout).not.toContain(key);
  });

  it('makes a link, waits for the person, and shows, tests and explains the connection', async () => {
    const link = await json<ConnectSession>('connect', 'sandbox', '--user', 'ada', '--agent', 'clerk', '--no-wait');
    await walkConnectPages(link.url, system.stack.info.sandbox);
    const [connection] = await json<Connection[]>('connections', 'list', '--agent', 'clerk', '--user', 'ada');
    expect(connection).toMatchObject({ status: 'active', provider: 'sandbox' });
    const id = connection?.id ?? '';
    expect(await json<ConnectionTest>('connections', 'test', id)).toMatchObject({ outcome: 'working' });
    expect(await json<unknown[]>('connections', 'history', id)).toHaveLength(1);
    const revoked = await json<Connection[]>('connections', 'revoke', id);
    expect(revoked).toEqual([expect.objectContaining({ id, status: 'revoked' })]);
    const late = await keyward('connections', 'reauthorize', id);
    expect({ code: late.code, says: late.stderr.includes('keyward connect sandbox') }).toEqual({ code: 1, says: true });
  });

  it('registers a client and connects without a browser, with secrets from standard input alone', async () => {
    const client = await system.levers.post<{ client_id: string; client_secret: string }>('/sandbox/clients', {
      redirect_uris: [],
      grant_types: ['client_credentials'],
    });
    const registered = await given(
      `${client.client_secret}\n`,
      ...['providers', 'register', 'sandbox_service', '--client-id', client.client_id],
    );
    expect({ code: registered.code, stderr: registered.stderr }).toEqual({ code: 0, stderr: '' });
    expect(registered.stdout).toContain('/oauth/callback/');
    const listed = await keyward('providers', 'registrations');
    expect(listed.stdout).toContain(client.client_id);
    expect(`${registered.stdout}${listed.stdout}`).not.toContain(client.client_secret);
    const forClerk = ['--user', 'service', '--agent', 'clerk', '--direct'];
    expect((await keyward('connect', 'sandbox_service', ...forClerk)).stdout).toMatch(/^Connected: conn_/);
    const { key } = await system.levers.post<{ key: string }>('/sandbox/api-keys', { user: system.stack.info.sandbox.user });
    expect((await given(`${key}\n`, 'connect', 'sandbox_key', ...forClerk)).stdout).toMatch(/^Connected: conn_/);
    const shared = await given(`${key}\n`, 'connect', 'sandbox_key', '--workspace', '--agent', 'clerk', '--direct');
    const again = ['connections', 'reauthorize', shared.stdout.replace('Connected: ', '').trim(), '--no-wait'];
    const { id } = await json<ConnectSession>(...again);
    const session = await system.admin.get(`/v1/connect-sessions/${id}?organization=${system.stack.info.org}`);
    expect(session).toMatchObject({ kind: 'workspace', provider: 'sandbox_key', alias: 'default', state: 'created' });
    const wrong = await given('nonsense\n', 'connect', 'sandbox_key', ...forClerk, '--alias', 'second');
    expect({ code: wrong.code, says: wrong.stderr.includes('provider_error') }).toEqual({ code: 1, says: true });
  });

  it('calls a tool as the agent', async () => {
    await connectUser(system.stack);
    const { user } = system.stack.info;
    const args = ['--user', user, '--arg', 'title=From the command line', '--arg', 'body=true'];
    const refused = await keyward('call', 'sandbox_create_note', ...args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('/body');
    const result = await json<ExecutionResult>(
      'call',
      'sandbox_create_note',
      '{"title":"From the command line"}',
      '--user',
      user,
    );
    expect(result).toMatchObject({ state: 'succeeded', output: { title: 'From the command line' } });
    expect((await keyward('tools', '--connector', 'sandbox')).stdout).toContain('sandbox_create_note');
  });

  it('applies manifests: once, and then they are as they were', async () => {
    const file = path.join(dir, 'agents.yaml');
    writeFileSync(file, MANIFEST);
    const [applied] = await json<AppliedManifest[]>('apply', '-f', file, '--user', 'ada');
    expect(applied).toMatchObject({ created: true, changed: true, version: 1 });
    expect(applied?.missingScopes[0]).toMatchObject({ connection: null, connectUrl: expect.stringContaining('/connect/') });
    expect((await keyward('apply', '-f', file)).stdout).toContain('as it was');
    writeFileSync(file, MANIFEST.replace('sandbox_create_note', 'sandbox_destroy_everything'));
    const refused = await keyward('apply', '-f', file);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('/tools/1');
  });

  it('adds a provider from a file, with no rebuild, and takes it away again', async () => {
    const file = path.join(dir, 'connector.yaml');
    const lines = [
      'name: acme',
      'title: Acme',
      'auth: { kind: api_key }',
      'base_url: https://api.acme.example',
      'origins: [https://api.acme.example]',
    ];
    writeFileSync(file, lines.join('\n'));
    expect(await json('providers', 'add', file)).toMatchObject({ name: 'acme', version: 1 });
    expect((await keyward('providers', 'get', 'acme')).stdout).toContain('https://api.acme.example');
    writeFileSync(file, lines.join('\n').replace('https://api.acme.example]', 'http://10.0.0.1]'));
    const refused = await keyward('providers', 'add', file);
    expect(refused.stderr).toContain('line 5, /origins/0: must be an https URL');
    expect((await keyward('providers', 'remove', 'acme')).code).toBe(0);
    expect((await keyward('providers', 'get', 'acme')).stderr).toContain('not_found');
  });

  it('puts an overlay of a connector, says what is wrong with one, and takes it away again', async () => {
    const file = path.join(dir, 'overlay.yaml');
    const text = 'connector: sandbox\ntools:\n  sandbox_create_note:\n    title: Keep a note\n';
    writeFileSync(file, text);
    expect(await json('providers', 'overlay', 'put', 'sandbox', file)).toMatchObject({ connector: 'sandbox', version: 1 });
    expect((await keyward('providers', 'overlay', 'get', 'sandbox')).stdout).toBe(text);
    writeFileSync(file, text.replace('sandbox_create_note', 'sandbox_lost'));
    const refused = await keyward('providers', 'overlay', 'put', 'sandbox', file);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('line 4, /tools/sandbox_lost: the connector') });
    expect((await keyward('providers', 'overlay', 'put', 'sandbox', 'no-file')).stderr).toContain('There is no ');
    expect((await keyward('providers', 'overlay', 'remove', 'sandbox')).code).toBe(0);
    expect((await keyward('providers', 'overlay', 'get', 'sandbox')).stderr).toContain('not_found');
  });

  it('checks the connectors that are shipped: every fact has its source', async () => {
    const report = await json<{ providers: unknown[]; problems: unknown[] }>('providers', 'check', path.join(root, 'connectors'));
    expect(report.problems).toEqual([]);
    expect(report.providers.length).toBeGreaterThanOrEqual(60);
  });

  it('rotates and rewraps the vault, and shreds nothing that was not meant', async () => {
    expect((await keyward('vault', 'rotate')).code).toBe(0);
    expect(await json('vault', 'rewrap')).toMatchObject({ complete: true, failed: 0 });
    const unasked = await keyward('vault', 'shred');
    expect({ code: unasked.code, says: unasked.stderr.includes('--confirm') }).toEqual({ code: 2, says: true });
    expect((await keyward('vault', 'shred', '--confirm', 'something-else')).code).toBe(2);
    await json('call', 'sandbox_list_notes', '--user', system.stack.info.user);
  });

  it('exports the audit trail, proves it offline, and finds the line that was changed', async () => {
    const [file, keys] = ['trail.jsonl', 'keys.json'].map((name) => path.join(dir, name)) as [string, string];
    writeFileSync(keys, (await keyward('audit', 'keys')).stdout);
    expect((await keyward('audit', 'export', '--file', file)).code).toBe(0);
    expect(await keyward('audit', 'verify', file, '--keys', keys)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('PROVEN'),
    });
    const tampered = readFileSync(file, 'utf8').replace('organization.created', 'organization.updated');
    const found = await given(tampered, 'audit', 'verify', '-', '--keys', keys);
    expect(found).toMatchObject({ code: 1, stdout: expect.stringMatching(/^BROKEN at line 2, seq 1:.*\(edited\)/) });
  });

  it('keeps a login for its owner alone, and never sends its token elsewhere', async () => {
    const { authUrl, admin } = system.stack.info;
    const environment = { HOME: dir, XDG_CONFIG_HOME: path.join(dir, 'config'), KEYWARD_HOME: path.join(dir, 'none') };
    const bin = 'tools/cli/bin/keyward.mjs';
    const login = await runProgram(bin, ['login', authUrl, '--token'], environment, `${admin.token}\n`);
    expect({ code: login.code, leak: `${login.stdout}${login.stderr}`.includes(admin.token) }).toEqual({ code: 0, leak: false });
    expect(statSync(path.join(dir, 'config/keyward/login.json')).mode & 0o777).toBe(0o600);
    expect((await runProgram(bin, ['agents', 'list', '--json'], environment)).code).toBe(0);
    const elsewhere = await runProgram(bin, ['agents', 'list', '--url', 'https://other.example'], environment);
    expect({ code: elsewhere.code, says: elsewhere.stderr.includes('Nobody is signed in') }).toEqual({ code: 1, says: true });
    const wrong = await runProgram(bin, ['login', authUrl, '--token'], environment, 'kwp_wrong\n');
    expect({ code: wrong.code, says: wrong.stderr.includes('unauthenticated') }).toEqual({ code: 1, says: true });
  });

  it.each([
    ['an unknown command', ['conections', 'list'], 2, 'Did you mean connections?'],
    ['an unknown option', ['agents', 'list', '--colour'], 2, 'colour'],
    ['a missing argument', ['connections', 'get'], 2, 'Something is missing'],
    ['an id of nobody’s', ['connections', 'get', 'conn_00000000000000000000000000000000'], 1, 'not_found'],
    ['an agent that is not there', ['agents', 'get', 'nobody'], 1, 'keyward agents list'],
  ])('answers %s with what to do', async (_what, args, code, text) => {
    const ran = await keyward(...args);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' });
    expect(ran.stderr).toContain(text);
  });

  it('completes in a shell', async () => {
    const { stdout } = await keyward('--get-yargs-completions', 'keyward', 'conn');
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['connect', 'connections']));
  });
});
