import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedPostgres, waitFor, type DedicatedPostgres } from '@keyward/testing';
import { runFromSource, stopProcess } from '../../test/sandbox.js';
import { World } from '../../test/world.js';

let world: World;
let database: DedicatedPostgres;
const children: ChildProcess[] = [];

beforeAll(async () => {
  database = await dedicatedPostgres();
  world = await World.create(database);
});

afterAll(() => world.close());

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => stopProcess(child, 'SIGKILL')));
  await world.stopRefreshers();
  await world.sandbox.clearFaults();
});

function startProcess(): ChildProcess {
  const child = runFromSource('token-refresher', world.env());
  children.push(child);
  return child;
}

async function redeemedAtProvider(before: number): Promise<void> {
  await waitFor(async () => (await world.sandbox.state()).counters.refreshes > before, { timeoutMs: 20_000 });
}

describe('a refresher killed between redeeming and storing', () => {
  it('leaves an intent that ends in needs_reauthorization, never in a replay', async () => {
    const connection = await world.connect({ refreshInMs: 0, expiresInMs: 2000 });
    const before = (await world.sandbox.state()).counters;
    await world.sandbox.fault({ kind: 'delay', ms: 10_000 });
    const victim = startProcess();
    await redeemedAtProvider(before.refreshes);
    await stopProcess(victim, 'SIGKILL');

    await world.startRefresher();
    const row = await waitFor(
      async () => {
        const found = await world.row(connection);
        return found.status === 'needs_reauthorization' ? found : undefined;
      },
      { timeoutMs: 20_000 },
    );
    expect(row.generation).toBe(1);
    const { rows } = await world.admin.query('SELECT status_reason FROM vault.connection WHERE id = $1', [connection.connection]);
    expect(rows).toEqual([{ status_reason: expect.stringContaining('lost') }]);
    const after = (await world.sandbox.state()).counters;
    expect([after.tokenRequests - before.tokenRequests, after.reuseDetections]).toEqual([1, 0]);
  });
});

describe('a refresher stopped past its lease', () => {
  it('sends nothing once it wakes up', async () => {
    const connection = await world.connect({ expiresInMs: 60_000 });
    const victim = startProcess();
    await waitFor(async () => (await world.ask(connection)).outcome === 'refreshed', { timeoutMs: 20_000 });
    const before = (await world.sandbox.state()).counters;
    await world.sandbox.fault({ kind: 'delay', ms: 2000 });
    const reply = world.ask(connection, { newerThan: 2 });
    await redeemedAtProvider(before.refreshes);
    victim.kill('SIGSTOP');
    await waitFor(
      async () => {
        const { rows } = await world.admin.query(
          'SELECT lease_until < now() AS over FROM vault.credential WHERE connection_id = $1',
          [connection.connection],
        );
        return rows[0]?.over === true;
      },
      { timeoutMs: 20_000 },
    );
    victim.kill('SIGCONT');
    await reply;
    const after = (await world.sandbox.state()).counters;
    expect([after.tokenRequests - before.tokenRequests, after.reuseDetections]).toEqual([1, 0]);
  });
});

describe('a database that dies while the provider is asked', () => {
  /** Down when the answer arrives, and back after it. */
  async function diesOver(fault: { kind: string } & Record<string, unknown>) {
    const connection = await world.connect({ refreshInMs: 0 });
    const before = (await world.sandbox.state()).counters;
    await world.sandbox.fault(fault);
    await world.startRefresher();
    await waitFor(async () => (await world.sandbox.state()).counters.tokenRequests > before.tokenRequests);
    await database.kill();
    await waitFor(async () => (await world.sandbox.state()).counters.tokenAnswers > before.tokenAnswers);
    await database.restart();
    await waitFor(async () => (await world.row(connection)).generation === 2, { timeoutMs: 20_000 });
    expect(await world.sandbox.whoIs(await world.accessToken(connection))).toBe('ada');
    return (await world.sandbox.state()).counters.reuseDetections - before.reuseDetections;
  }

  it('gets the redeemed token as soon as it is back', async () => {
    expect(await diesOver({ kind: 'delay', ms: 700 })).toBe(0);
  });

  it('does not make a token look spent that the provider has not touched', async () => {
    expect(await diesOver({ kind: 'fail', status: 503, ms: 700 })).toBe(0);
  });
});
