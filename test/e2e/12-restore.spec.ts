import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from '@keyward/contracts';
import { JsonClient } from '@keyward/sdk';
import { connectUser, startStack, type Stack } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import pg from 'pg';

const TIMEOUT_MS = 180_000;

interface Verification {
  ok: boolean;
  verified: number;
  head: { seq: number; hash: string };
}

const create = ({ info }: Stack, title: string): Promise<ExecutionResult> =>
  new JsonClient(info.gatewayUrl, info.agentKey).post('/v1/tools/sandbox_create_note/execute', {
    ...{ user: info.user, arguments: { title } },
  });

const verify = ({ info }: Stack): Promise<Verification> =>
  new JsonClient(info.auditUrl, info.admin.token).get(`/v1/events/verify?organization=${info.org}`);

/** What is left behind by a machine that is lost: the backup of the database, the key, the secrets. The provider is elsewhere, and goes on. */
describe('a restore', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'keyward-restore-'));
  // PostgreSQL runs as another user where the tests run as root.
  if (process.getuid?.() === 0) execFileSync('chmod', ['711', dir]);
  const running: Stack[] = [];
  const start = async (name: string): Promise<Stack> => {
    const stack = await startStack({ dir: path.join(dir, name), quiet: true });
    running.push(stack);
    return stack;
  };
  afterAll(async () => {
    for (const stack of running) await stack.stop();
    rmSync(dir, { recursive: true, force: true });
  }, TIMEOUT_MS);

  it(
    'of a backup taken while everything works: tokens open, the trail verifies and goes on',
    async () => {
      const before = await start('before');
      await connectUser(before);
      expect(await create(before, 'before the backup')).toMatchObject({ state: 'succeeded' });
      const backedUp = await waitFor(async () => {
        const verified = await verify(before);
        return verified.verified > 2 ? verified : undefined;
      });
      await backUp(before, path.join(dir, 'backup'));
      await create(before, 'after the backup');
      await before.stop();

      const home = path.join(dir, 'after');
      mkdirSync(home, { mode: 0o711 });
      for (const name of readdirSync(before.paths.dir)) {
        // The bus is not restored: what was on it is transport.
        if (!['postgres', 'nats', 'logs', 'creds', 'stack.lock'].includes(name))
          cpSync(path.join(before.paths.dir, name), path.join(home, name), { recursive: true });
      }
      execFileSync('cp', ['-a', path.join(dir, 'backup'), path.join(home, 'postgres')]);
      // Of the server's administrator, whose password a backup does not hold.
      cpSync(path.join(before.paths.postgres, 'superuser.password'), path.join(home, 'postgres', 'superuser.password'));
      const after = await start('after');
      expect(after.info.org).toBe(before.info.org);

      const restored = await verify(after);
      expect(restored).toMatchObject({ ok: true });
      expect(restored.verified).toBeGreaterThanOrEqual(backedUp.verified);
      // The connection's token was sealed before: nobody connects again.
      expect(await create(after, 'after the restore')).toMatchObject({ state: 'succeeded' });
      await waitFor(async () => {
        const verified = await verify(after);
        return verified.ok && verified.verified > restored.verified;
      });
    },
    TIMEOUT_MS,
  );
});

/** PostgreSQL's own low-level procedure, which every backup tool follows (its documentation, "Making a Base Backup Using the Low Level API"). */
async function backUp({ info, paths }: Stack, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: info.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ directory: string }>(`SELECT current_setting('data_directory') AS directory`);
    const directory = rows[0]?.directory ?? '';
    const copy = path.join(to, path.relative(paths.postgres, directory));
    mkdirSync(to, { mode: 0o711 });
    await client.query(`SELECT pg_backup_start('test', fast => true)`);
    execFileSync('cp', ['-a', directory, copy]);
    const stopped = await client.query<{ label: string }>(
      'SELECT labelfile AS label FROM pg_backup_stop(wait_for_archive => false)',
    );
    // The log is complete only now.
    execFileSync('cp', ['-a', `${directory}/pg_wal/.`, path.join(copy, 'pg_wal')]);
    rmSync(path.join(copy, 'postmaster.pid'), { force: true });
    writeFileSync(path.join(copy, 'backup_label'), stopped.rows[0]?.label ?? '');
    execFileSync('chown', ['--reference', copy, path.join(copy, 'backup_label')]);
  } finally {
    await client.end();
  }
}
