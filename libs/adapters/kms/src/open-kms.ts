import type { KeyManagement } from '@keyward/credentials';

export type KmsSettings = { kind: 'local'; keyFile: string } | { kind: 'aws'; keyId: string; region?: string; endpoint?: string };

/** Only the adapter that is used is loaded: an SDK that nobody calls would cost every process its memory. */
export async function openKms(settings: KmsSettings): Promise<KeyManagement> {
  if (settings.kind === 'local') {
    const { createLocalKms } = await import('@keyward/kms-local');
    return createLocalKms({ keyFile: settings.keyFile });
  }
  const { createAwsKms } = await import('@keyward/kms-aws');
  const { kind: _kind, ...options } = settings;
  return createAwsKms(options);
}
