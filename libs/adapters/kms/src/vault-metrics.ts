import type { VaultMetrics } from '@keyward/credentials';
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
  const hits = new Counter({ name: 'dek_cache_hits_total', help: 'Data keys found in memory', registers });
  return {
    operation: (op, outcome) => operations.inc({ op, outcome }),
    kmsRequest: (op, outcome) => requests.inc({ op, outcome }),
    dataKeyCacheHit: () => hits.inc(),
  };
}
