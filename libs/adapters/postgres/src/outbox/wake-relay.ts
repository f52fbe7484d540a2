import type { DataSource } from 'typeorm';

const listening = new WeakMap<DataSource, Set<() => void>>();

/** Calls back whenever something was written through `ds` that this process is to send. @returns what ends it */
export function onWritten(ds: DataSource, wake: () => void): () => void {
  const wakes = listening.get(ds) ?? new Set();
  listening.set(ds, wakes.add(wake));
  return () => void wakes.delete(wake);
}

/**
 * Wakes the relay that reads from `ds` in this process, after messages were committed by a function that does not notify. The database
 * makes transactions that notify wait for each other, each until the one before is on disk, and wakes the relays of all services, of which
 * one is enough. Where this process runs none, or ends before it has sent them, the others find them when they look by themselves.
 */
export function wakeRelay(ds: DataSource): void {
  for (const wake of listening.get(ds) ?? []) wake();
}
