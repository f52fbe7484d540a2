import { afterEach, describe, expect, it } from '@jest/globals';
import type { ConnectionUse } from '@keyward/credentials';
import { waitFor } from '@keyward/testing';
import { Uses, type UsesOptions } from './uses.js';

const opened: Uses[] = [];
afterEach(() => Promise.all(opened.splice(0).map((uses) => uses.stop())));

/** Never writes by itself, unless the test says so. */
function recorder(options: Partial<UsesOptions> = {}) {
  const written: ConnectionUse[][] = [];
  const warned: object[] = [];
  const record = async (uses: readonly ConnectionUse[]) => written.push([...uses]);
  const logger = { warn: (context: object) => void warned.push(context) };
  const uses = new Uses({ store: { record }, logger, everyMs: 3_600_000, ...options });
  opened.push(uses);
  return { uses, written, warned };
}

const ids = (written: ConnectionUse[][]) => written.map((uses) => uses.map(({ connection }) => connection));

describe('uses of connections', () => {
  it('of a thousand calls are one statement that names each connection once, with its organization', async () => {
    const { uses, written } = recorder();
    for (let call = 0; call < 1_000; call++) uses.note(`org_${call % 2}`, `conn_${call % 10}`);
    await uses.write();
    await uses.write();
    expect(written).toHaveLength(1);
    expect(written[0]).toHaveLength(10);
    expect(written[0]?.[3]).toEqual({ org: 'org_1', connection: 'conn_3' });
  });

  it('are written now and then, when they are many, and in the end', async () => {
    const often = recorder({ everyMs: 5 });
    often.uses.note('org', 'a');
    await waitFor(() => often.written.length === 1);
    const many = recorder({ many: 3 });
    for (const connection of ['a', 'b', 'b', 'c', 'd']) many.uses.note('org', connection);
    await waitFor(() => many.written.length === 1);
    await many.uses.stop();
    expect(ids(many.written)).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('are written so many at a time, since who refreshes one of them waits for its statement; what fails is kept, and no more', async () => {
    const tried: string[][] = [];
    let isAway = false;
    const record = async (uses: readonly ConnectionUse[]) => {
      tried.push(uses.map(({ connection }) => connection));
      if (isAway) throw new Error('the database is away');
      isAway = tried.length === 1;
      return uses.length;
    };
    const { uses, warned } = recorder({ store: { record }, atOnce: 2 });
    for (const connection of ['a', 'b', 'c', 'd', 'e']) uses.note('org', connection);
    await uses.write();
    expect(tried).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(warned).toMatchObject([{ connections: 3 }]);
    isAway = false;
    await uses.write();
    expect(tried.slice(2)).toEqual([['c', 'd'], ['e']]);
  });

  it('are a thousand a statement', async () => {
    const { uses, written } = recorder();
    for (let each = 0; each < 2_500; each++) uses.note('org', `conn_${each}`);
    await uses.write();
    expect(written.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  });

  it('are kept while they can not be written, and no two statements are under way', async () => {
    const failing = Promise.withResolvers<number>();
    const tried: number[] = [];
    const results = [failing.promise];
    const record = (uses: readonly ConnectionUse[]) => (tried.push(uses.length), results.shift() ?? Promise.resolve(uses.length));
    const { uses, warned } = recorder({ store: { record } });
    uses.note('org', 'a');
    const both = [uses.write(), uses.write()];
    uses.note('org', 'b');
    failing.reject(new Error('the database is away'));
    await Promise.all(both);
    expect(warned).toMatchObject([{ connections: 1 }]);
    await uses.write();
    expect(tried).toEqual([1, 2]);
  });

  it('take no more room than for so many, however long the database is away', async () => {
    let [isAway, written] = [true, 0];
    const record = async (uses: readonly ConnectionUse[]) => {
      if (isAway) throw new Error('away');
      return (written += uses.length);
    };
    const { uses } = recorder({ store: { record } });
    for (let round = 0; round < 4; round++) {
      const failing = uses.write();
      for (let each = 0; each < 40_000; each++) uses.note('org', `conn_${round}_${each}`);
      await failing;
    }
    isAway = false;
    await uses.write();
    expect(written).toBe(50_000);
  });
});
