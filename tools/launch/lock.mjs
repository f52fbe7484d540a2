import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { root, temporary } from './paths.mjs';

const POLL_MS = 200;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Runs `work` while no other launcher installs or builds in this clone: npm ci removes what another would be using. */
export async function withLock(work, tell = console.log) {
  const file = temporary(`${createHash('sha256').update(root).digest('hex').slice(0, 12)}.lock`);
  let told = false;
  while (!take(file)) {
    let holder;
    try {
      holder = Number(readFileSync(file, 'utf8'));
    } catch {
      continue;
    }
    // An empty file is one that its owner has not yet written into, unless it stays so.
    if (holder > 0 ? !isAlive(holder) : told) rmSync(file, { force: true });
    else await delay(POLL_MS);
    if (!told && holder > 0 && isAlive(holder))
      tell(`Waiting for another Keyward command that is installing or building here (pid ${holder}) …`);
    told = true;
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
