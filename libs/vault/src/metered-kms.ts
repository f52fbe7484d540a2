import { asKeywardError } from '@keyward/contracts';
import type { KeyManagement, KmsOperation, VaultMetrics } from './ports.js';

/** Counts each request to the KMS by its outcome. */
export function meteredKms(kms: KeyManagement, metrics: VaultMetrics | undefined): KeyManagement {
  if (metrics === undefined) return kms;
  const count = async <T>(op: KmsOperation, request: Promise<T>): Promise<T> => {
    try {
      const answer = await request;
      metrics.kmsRequest(op, 'ok');
      return answer;
    } catch (thrown) {
      metrics.kmsRequest(op, asKeywardError(thrown).code === 'dependency_unavailable' ? 'unavailable' : 'refused');
      throw thrown;
    }
  };
  return {
    generateDataKey: (context) => count('generate_data_key', kms.generateDataKey(context)),
    decrypt: (wrapped, context) => count('decrypt', kms.decrypt(wrapped, context)),
    reencrypt: (wrapped, context) => count('reencrypt', kms.reencrypt(wrapped, context)),
    health: () => kms.health(),
  };
}
