import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MANAGEMENT_TOKEN = 'management-token-of-tests';

/** Runs the main module of an application from its sources, as a process of its own. */
export function runFromSource(app: string, env: Record<string, string>): ChildProcess {
  const loader = ['--conditions=@keyward/source', '--no-warnings', '--import', './test/support/source-loader.mjs'];
  return spawn(process.execPath, [...loader, `apps/${app}/src/main.ts`], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

export async function stopProcess(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

export interface IssuedTokens {
  grant: string;
  access_token: string;
  refresh_token: string;
}

export interface SandboxState {
  counters: { tokenRequests: number; tokenAnswers: number; refreshes: number; reuseDetections: number; revocations: number };
  grants: { grant: string; rotations: number }[];
}

/** The sandbox provider, in a process of its own. */
export class SandboxProcess {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<SandboxProcess> {
    const child = runFromSource('sandbox-provider', {
      KEYWARD_SANDBOX_PORT: '0',
      KEYWARD_SANDBOX_MANAGEMENT_TOKEN: MANAGEMENT_TOKEN,
    });
    if (child.stdout === null) throw new Error('the sandbox has no output');
    for await (const line of createInterface({ input: child.stdout })) {
      const { event, url } = JSON.parse(line) as { event: string; url: string };
      if (event === 'listening') return new SandboxProcess(url, child);
    }
    throw new Error('the sandbox ended before it was listening');
  }

  stop(): Promise<void> {
    return stopProcess(this.child);
  }

  async manage<T>(path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/sandbox/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  state(): Promise<SandboxState> {
    return this.manage<SandboxState>('tokens');
  }

  fault(fault: { kind: string } & Record<string, unknown>): Promise<unknown> {
    return this.manage('faults', fault);
  }

  async clearFaults(): Promise<void> {
    const headers = { authorization: `Bearer ${MANAGEMENT_TOKEN}` };
    await fetch(`${this.url}/sandbox/faults`, { method: 'DELETE', headers });
  }

  /** Who the API takes the bearer of this token for; undefined when it refuses the token. */
  async whoIs(accessToken: string): Promise<string | undefined> {
    const response = await fetch(`${this.url}/api/me`, { headers: { authorization: `Bearer ${accessToken}` } });
    return response.ok ? ((await response.json()) as { user: string }).user : undefined;
  }
}
