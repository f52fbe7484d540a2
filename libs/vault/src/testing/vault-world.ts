import { newId, type KeywardError } from '@keyward/contracts';
import type { SealContext } from '../format.js';
import type { VaultMetrics } from '../ports.js';
import { Vault } from '../vault.js';
import { ManualClock } from './manual-clock.js';
import { MemoryDataKeyStore } from './memory-data-key-store.js';
import { MemoryKms } from './memory-kms.js';

/** A KMS, a store and a clock, and as many processes with a vault as a test asks for. */
export class VaultWorld {
  readonly kms = new MemoryKms();
  readonly store = new MemoryDataKeyStore();
  readonly clock = new ManualClock();
  readonly counted: string[] = [];
  readonly #metrics: VaultMetrics = {
    operation: (op, outcome) => this.counted.push(`${op} ${outcome}`),
    kmsRequest: (op, outcome) => this.counted.push(`kms ${op} ${outcome}`),
    dataKeyCacheHit: () => this.counted.push('hit'),
  };

  /** One more process: the same store and KMS, a memory of its own. */
  replica(): Vault {
    return new Vault({ kms: this.kms, dataKeys: this.store, clock: this.clock, metrics: this.#metrics });
  }

  newOrganization(): string {
    const id = newId('org');
    this.store.addOrganization(id);
    return id;
  }
}

export function place(org: string): SealContext {
  return { org, record: 'conn_1', field: 'access_token', generation: 1 };
}

export const text = (bytes: Buffer): string => bytes.toString();

/** The code of the KeywardError that the attempt fails with; undefined where it does not fail with one. */
export async function codeOf(attempt: Promise<unknown>): Promise<KeywardError['code'] | undefined> {
  return attempt.then(
    () => undefined,
    (reason: KeywardError) => (reason.name === 'KeywardError' ? reason.code : undefined),
  );
}
