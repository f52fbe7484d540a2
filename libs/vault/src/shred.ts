import type { KeyRing } from './key-ring.js';
import type { DataKeyStore } from './ports.js';

/** Crypto-shred. The store first: what is unwrapped after that finds nothing, and what is being unwrapped meanwhile is cancelled. */
export async function shred(ring: KeyRing, store: DataKeyStore, org: string): Promise<number> {
  try {
    return await store.destroyAll(org);
  } finally {
    ring.forget(org);
  }
}
