import type { Cluster, Restarted } from '@keyward/stack';
import type { Load } from './load.js';

export interface Step {
  name: string;
  drainedMs: number;
  readyMs: number;
}

export interface Crash {
  name: string;
  awayMs: number;
}

const CALM_MS = 5_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Every process of every service by one of `image`, one at a time, as a Deployment does with `maxUnavailable: 1`. */
export async function rollServices(cluster: Cluster, load: Load, image: string, signal: AbortSignal): Promise<Step[]> {
  const steps: Step[] = [];
  for (const replica of cluster.replicas) {
    load.phase = `${replica.service} rolls`;
    const took: Restarted = await replica.restart(image, signal);
    steps.push({ name: replica.name, drainedMs: took.drained, readyMs: took.ready });
  }
  return steps;
}

/** Every nats-server, one at a time, each leaving in lame duck mode as the chart of NATS has it; the next only when every stream is on all of them again. */
export async function rollBus(cluster: Cluster, load: Load): Promise<Step[]> {
  const steps: Step[] = [];
  load.phase = 'nats-servers roll';
  for (const [index, server] of cluster.natsServers.entries()) {
    const began = performance.now();
    await server.retire();
    const drained = performance.now();
    await server.restart();
    await cluster.natsInSync();
    steps.push({ name: `nats-${index}`, drainedMs: drained - began, readyMs: performance.now() - drained });
  }
  return steps;
}

/** One process of every kind is killed outright, one at a time: a crash of each kind of pod. */
export async function crashEach(cluster: Cluster, load: Load, signal: AbortSignal): Promise<Crash[]> {
  const crashes: Crash[] = [];
  for (const replica of cluster.replicas.filter(({ name }) => name.endsWith('-0'))) {
    load.phase = `${replica.service} killed`;
    crashes.push({ name: replica.name, awayMs: await replica.crash(signal) });
  }
  const [server] = cluster.natsServers;
  for (const [name, killed] of [
    ['nats-0', server],
    ['postgres', cluster.postgres],
  ] as const) {
    if (killed === undefined) continue;
    load.phase = `${name} killed`;
    const began = performance.now();
    await killed.kill();
    await killed.restart();
    if (name === 'nats-0') await cluster.natsInSync();
    crashes.push({ name, awayMs: performance.now() - began });
  }
  return crashes;
}

export async function calm(load: Load, phase: string): Promise<void> {
  load.phase = phase;
  await pause(CALM_MS);
}
