import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort, portIsFree } from '@keyward/embedded';

/** The doors of docs/ARCHITECTURE.md, and the two servers'. */
export const USUAL_PORTS = {
  gateway: 8080,
  'auth-service': 8081,
  'audit-service': 8082,
  sandbox: 8090,
  'gateway metrics': 9100,
  'auth-service metrics': 9101,
  'token-refresher metrics': 9102,
  'tool-executor metrics': 9103,
  'audit-service metrics': 9104,
  nats: 4222,
  postgres: 54329,
} as const;

export type Door = keyof typeof USUAL_PORTS;
export type Ports = Record<Door, number>;

export interface ChosenPorts {
  ports: Ports;
  /** One sentence for each port that was taken and replaced. */
  replaced: string[];
  release(): void;
}

/** Between choosing a port and listening on it lie seconds, in which another stack would choose the same one. */
function reserve(port: number): string | undefined {
  const file = join(tmpdir(), `keyward-${userInfo().uid}-port-${port}`);
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || isHeld(file)) return undefined;
      rmSync(file, { force: true });
    }
  }
}

function isHeld(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A port for each door: that of the last start, else the usual one, else any free one.
 * @param usual false takes free ones where there was no last start, for tests that must not meet anything else
 */
export async function choosePorts(last: Partial<Record<string, number>>, usual: boolean): Promise<ChosenPorts> {
  const reservations: string[] = [];
  const replaced: string[] = [];
  const take = async (port: number): Promise<boolean> => {
    const reservation = (await portIsFree(port)) ? reserve(port) : undefined;
    if (reservation !== undefined) reservations.push(reservation);
    return reservation !== undefined;
  };
  const ports = {} as Ports;
  for (const door of Object.keys(USUAL_PORTS) as Door[]) {
    const wanted = last[door] ?? (usual ? USUAL_PORTS[door] : await freePort());
    ports[door] = wanted;
    while (!(await take(ports[door]))) ports[door] = await freePort();
    if (ports[door] !== wanted) replaced.push(`Port ${wanted} (${door}) is taken: using ${ports[door]}.`);
  }
  return { ports, replaced, release: () => reservations.forEach((file) => rmSync(file, { force: true })) };
}
