import type { KeyManagement } from '@keyward/credentials';
import type { KmsConfig } from '@keyward/service-host';

/** Only the adapter that is used is loaded: an SDK that nobody calls would cost every process its memory. */
export async function createKms(config: KmsConfig): Promise<KeyManagement> {
  if (config.kind === 'local') {
    const { createLocalKms } = await import('@keyward/kms-local');
    return createLocalKms({ keyFile: config.keyFile });
  }
  const { createAwsKms } = await import('@keyward/kms-aws');
  const { kind: _kind, ...options } = config;
  return createAwsKms(options);
}
