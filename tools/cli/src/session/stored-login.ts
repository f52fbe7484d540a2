import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Hint } from '../output/fail.js';

const storedLoginSchema = z.strictObject({
  authUrl: z.url(),
  gatewayUrl: z.url().optional(),
  auditUrl: z.url().optional(),
  token: z.string().min(1),
  org: z.string().optional(),
});
export type StoredLogin = z.infer<typeof storedLoginSchema>;

/** XDG Base Directory Specification: `$XDG_CONFIG_HOME/keyward/login.json`, mode 0600. */
function loginFile(): string {
  const base = process.env['XDG_CONFIG_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.config') : base, 'keyward', 'login.json');
}

/** @throws Hint where the file is there and can't be read */
export function readLogin(): StoredLogin | undefined {
  let text: string;
  try {
    text = readFileSync(loginFile(), 'utf8');
  } catch {
    return undefined;
  }
  try {
    return storedLoginSchema.parse(JSON.parse(text));
  } catch {
    throw new Hint(`${loginFile()} is not a login of this version.`, 'Sign in again: keyward login');
  }
}

export function storeLogin(login: StoredLogin): string {
  const file = loginFile();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return file;
}

export function forgetLogin(): void {
  rmSync(loginFile(), { force: true });
}
