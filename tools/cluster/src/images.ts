import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs a program whose output only matters when it fails. @throws Error with the end of it */
function run(cwd: string, command: string, ...args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status === 0) return;
  const tail = `${stdout}\n${stderr}`.trim().split('\n').slice(-20).join('\n');
  throw new Error(`${command} ${args.join(' ')} failed (${error?.message ?? String(status)}):\n${tail}`);
}

/** The image of the sources that are here. */
export function assembleImage(root: string, out: string): void {
  run(root, process.execPath, join(root, 'tools/images/assemble.mjs'), '--out', out);
}

/** The image of another commit, by this one's way of assembling it. */
export function assembleEarlier(root: string, ref: string, workDir: string, out: string): string {
  const commit = execFileSync('git', ['rev-parse', '--verify', '--short', `${ref}^{commit}`], {
    cwd: root,
    encoding: 'utf8',
  }).trim();
  run(root, 'git', 'worktree', 'add', '--detach', workDir, commit);
  try {
    run(workDir, 'npm', 'ci', '--no-audit', '--no-fund', '--prefer-offline');
    run(workDir, 'npm', 'run', 'build');
    run(root, process.execPath, join(root, 'tools/images/assemble.mjs'), '--source', workDir, '--out', out);
  } finally {
    run(root, 'git', 'worktree', 'remove', '--force', workDir);
  }
  return commit;
}
