import { expect, jest } from '@jest/globals';
import { fail } from '../../tools/cli/src/output/fail.js';
import { program } from '../../tools/cli/src/program.js';
import { ADMIN_TOKEN } from './harness.js';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** `keyward …` as main.ts runs it, in this process: starting one takes longer than all that it does. */
export async function keywardCommand(url: string, org: string, ...args: string[]): Promise<Ran> {
  const before = { ...process.env };
  Object.assign(process.env, { KEYWARD_URL: url, KEYWARD_TOKEN: ADMIN_TOKEN, KEYWARD_ORG: org, KEYWARD_HOME: '/nowhere' });
  const ran: Ran = { code: 0, stdout: '', stderr: '' };
  const kept = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((text) => {
      ran[name] += String(text);
      return true;
    }),
  );
  process.exitCode = 0;
  try {
    await program(args).parseAsync();
    ran.code = Number(process.exitCode);
  } catch (error) {
    ran.code = fail(error);
  } finally {
    process.exitCode = 0;
    for (const spy of kept) spy.mockRestore();
    process.env = before;
  }
  return ran;
}

export function webhooksCommand(url: string, org: string, ...args: string[]): Promise<Ran> {
  return keywardCommand(url, org, 'webhooks', ...args);
}

/** With `--json`, what it answers. */
export async function webhooksJson<T>(url: string, org: string, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await webhooksCommand(url, org, ...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}
