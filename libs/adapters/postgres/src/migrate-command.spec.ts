import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import { migrateCommand } from './migrate-command.js';

describe('keyward-migrate', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await testPostgres();
  });
  afterAll(() => database.stop());

  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    let [out, err] = ['', ''];
    const code = await migrateCommand(args, {
      read: (file) => {
        if (file !== '-') throw new Error(`ENOENT: no such file: ${file}`);
        return `${database.url}\n`;
      },
      out: (text) => void (out += text),
      err: (text) => void (err += text),
    });
    return { code, out, err };
  }

  it('migrates the database whose URL comes on standard input', async () => {
    const { code, out, err } = await run('--url-file', '-');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('keyward-migrate: applying Backbone');
    expect((await run('--url', database.url)).out).toContain('up to date');
  });

  it('explains itself', async () => {
    for (const flag of ['--help', '-h'])
      expect(await run(flag)).toMatchObject({ code: 0, out: expect.stringContaining('Usage:') });
  });

  it.each([
    ['nothing', []],
    ['both', ['--url', 'postgres://x/y', '--url-file', '-']],
    ['an unknown option', ['--force']],
    ['a file that is not there', ['--url-file', '/nowhere']],
    ['something that is no URL', ['--url', 'hunter2']],
    ['another database', ['--url', 'mysql://root:hunter2@db/keyward']],
  ])('refuses %s and says how it is used, without echoing a URL', async (_what, args) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toContain('Usage:');
    expect(err).not.toContain('hunter2');
  });

  it('fails with 1 and the reason where the server is absent', async () => {
    const { code, err } = await run('--url', 'postgres://owner:hunter2@127.0.0.1:1/keyward');
    expect(code).toBe(1);
    expect(err).toMatch(/not reachable.*ECONNREFUSED/);
    expect(err).not.toContain('hunter2');
  });
});
