import type { KmsOperation, VaultMetrics, VaultOperation } from '@keyward/credentials';
import { Counter, type Registry } from 'prom-client';

/** The vault's own counters, of the same names and meaning in every service that holds one. */
export function createVaultMetrics(registry: Registry): VaultMetrics {
  const registers = [registry];
  const operations = new Counter({
    name: 'vault_operations_total',
    help: 'Operations of the vault',
    labelNames: ['op', 'outcome'],
    registers,
  });
  const requests = new Counter({
    name: 'kms_requests_total',
    help: 'Requests to the key management service',
    labelNames: ['op', 'outcome'],
    registers,
  });
  zero(operations, ['seal', 'open', 'rotate', 'rewrap', 'shred'], ['ok', 'failed']);
  zero(requests, ['generate_data_key', 'decrypt', 'reencrypt'], ['ok', 'unavailable', 'refused']);
  const hits = new Counter({ name: 'dek_cache_hits_total', help: 'Data keys found in memory', registers });
  return {
    operation: (op, outcome) => operations.inc({ op, outcome }),
    kmsRequest: (op, outcome) => requests.inc({ op, outcome }),
    dataKeyCacheHit: () => hits.inc(),
  };
}

/** A rate does not see the first of a series that was not there. */
function zero(
  counter: Counter<'op' | 'outcome'>,
  ops: readonly (VaultOperation | KmsOperation)[],
  outcomes: readonly string[],
): void {
  for (const op of ops) for (const outcome of outcomes) counter.inc({ op, outcome }, 0);
}
