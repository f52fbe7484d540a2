import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import pg from 'pg';
import { System, type Person } from './system.js';

/** What goes on whether there are calls or not: the sweep, and pulls of consumers. */
const BESIDES = /sweep_waiting|purge_executions/;
const OF_THE_BUS = /^\$JS\.API\./;

const original = pg.Client.prototype.query;

let system: System;
let ada: Person;
beforeAll(async () => {
  system = await System.start();
  await (
    await system.startExecutor()
  ).started;
  ada = await system.person('canary-access-token-0123456789');
  // Whatever is read once per organization is read.
  await system.call(ada, 'acme_get');
  await waitFor(async () => (await system.queued()) === 0);
}, 60_000);
afterAll(() => system.stop());

/** Everything that the database was asked, and everything that went over the bus, for one call. */
async function costOf(tool: string): Promise<{ statements: string[]; messages: string[] }> {
  const statements: string[] = [];
  const messages: string[] = [];
  const asked = jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [query] = args as [string | { text?: string; name?: string }];
    const text = typeof query === 'string' ? query : (query.name ?? query.text ?? '');
    if (!BESIDES.test(text)) statements.push(text);
    return original.apply(this, args as never) as never;
  });
  const heard = system.nc.subscribe('>', { callback: (_error, { subject }) => void messages.push(subject) });
  await system.nc.flush();
  try {
    const result = await system.call(ada, tool);
    expect(result.state).toBe('succeeded');
    await waitFor(() => messages.some((subject) => subject.startsWith('$JS.ACK.EXECUTIONS')));
    await system.nc.flush();
  } finally {
    heard.unsubscribe();
    asked.mockRestore();
  }
  return { statements, messages: messages.filter((subject) => !OF_THE_BUS.test(subject)) };
}
describe('a plain read', () => {
  it('costs one statement, and on the bus its message, two records, the answer and what acknowledges them', async () => {
    const { statements, messages } = await costOf('acme_get');
    expect(statements).toEqual(['vault.open_for_call']);
    expect(messages.map(kindOf).sort()).toEqual([
      ...['$JS.ACK', '_INBOX', '_INBOX', '_INBOX', '_INBOX', 'audit', 'execution.completed'],
      // As it is published, and as it is delivered.
      ...['execution.requested', 'execution.requested'],
    ]);
  });
});

function kindOf(subject: string): string {
  return /^(\$JS\.ACK|execution\.\w+|\w+)/.exec(subject)?.[0] ?? subject;
}
