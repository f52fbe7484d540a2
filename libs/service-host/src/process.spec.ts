import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Fixture, TOKEN, type Line } from '../test/fixture.js';

jest.setTimeout(120_000);

describe('the process of a service', () => {
  const fixtures: Fixture[] = [];
  const start = (mode: string, env?: Record<string, string>) => {
    const fixture = new Fixture(mode, env);
    fixtures.push(fixture);
    return fixture;
  };
  afterEach(async () => {
    for (const fixture of fixtures.splice(0)) {
      fixture.kill('SIGKILL');
      await fixture.ended();
    }
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('on %s answers what it has begun, closes in order, and exits 0', async (signal) => {
    const fixture = start('plain');
    const { http } = await fixture.line('fixture is serving');
    const slow = fetch(`${String(http)}/slow`);
    await fixture.line('slow begins');
    fixture.kill(signal);
    await fixture.line('fixture is draining');
    await expect(fetch(`${String(http)}/slow`)).rejects.toThrow();
    expect(await (await slow).json()).toEqual({ ended: true });
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    expect(fixture.lines.map((line) => line.message).slice(-3)).toEqual(['message door closed', 'first closed', 'second closed']);
  });

  it('is alive but not ready while a dependency is absent, says so without its password, and can be stopped', async () => {
    const fixture = start('absent', { KEYWARD_OPS_PORT: '0' });
    await fixture.line('waiting for postgres');
    const port = await opsPortOf(fixture);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      ready: false,
      checks: [{ name: 'start' }, { name: 'postgres', reason: 'waiting' }],
    });
    fixture.kill('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    expect(fixture.stdout).not.toContain('hunter2');
  });

  it('ends at the drain timeout, not later', async () => {
    const fixture = start('stuck', { KEYWARD_DRAIN_TIMEOUT_MS: '300' });
    await fixture.line('fixture is serving');
    fixture.kill('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    await fixture.line('the drain did not end in time; what is in flight is given up');
  });

  it('ends with a clear line after an error that nobody caught', async () => {
    const fixture = start('crash');
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    expect(await fixture.line('fixture failed and ends')).toMatchObject({
      level: 'fatal',
      err: { message: 'nobody caught this' },
    });
  });

  it('ends with a clear line when it cannot be assembled', async () => {
    const fixture = start('broken');
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    expect(await fixture.line('fixture failed and ends')).toMatchObject({ err: { message: 'cannot be assembled' } });
  });

  it('exits 78 with what to change when its configuration is not usable, and repeats no value', async () => {
    const fixture = start('plain', { KEYWARD_HTTP_PORT: 'canary', KEYWARD_ADMIN_TOKEN: 'canary' });
    expect(await fixture.ended()).toEqual({ code: 78, signal: null });
    expect(fixture.stderr).toContain('KEYWARD_HTTP_PORT is not valid');
    expect(fixture.stderr).toContain('KEYWARD_ADMIN_TOKEN is not valid');
    expect(fixture.stderr + fixture.stdout).not.toContain('canary');
  });

  it('says which variable moves it when a port is taken', async () => {
    const first = start('plain');
    const taken = (line: Line, door: string) => new URL(String(line[door])).port;
    const http = taken(await first.line('fixture is serving'), 'http');
    const ops = taken(await first.line('operations port is open'), 'ops');
    const second = start('plain', { KEYWARD_OPS_PORT: ops });
    expect(await second.ended()).toEqual({ code: 1, signal: null });
    expect(second.stderr).toContain(
      `127.0.0.1:${ops} cannot be opened: somebody else listens there. Set KEYWARD_OPS_HOST or KEYWARD_OPS_PORT`,
    );
    const third = start('plain', { KEYWARD_HTTP_PORT: http });
    expect(await third.ended()).toEqual({ code: 1, signal: null });
    expect(await third.line('fixture failed and ends')).toMatchObject({
      err: { message: expect.stringContaining('KEYWARD_HTTP_PORT') },
    });
  });

  it('writes no secret of its configuration anywhere', async () => {
    const fixture = start('plain', { KEYWARD_LOG_LEVEL: 'trace' });
    await fixture.line('fixture is serving');
    fixture.kill('SIGTERM');
    await fixture.ended();
    expect(fixture.stdout + fixture.stderr).not.toContain(TOKEN);
  });
});

/** The service has no door yet that could tell; its first line does. */
async function opsPortOf(fixture: Fixture): Promise<string> {
  const { ops } = await fixture.line('operations port is open');
  return new URL(String(ops)).port;
}
