import type { CheckpointSigner } from '@keyward/audit';

export type CheckpointSigningSettings =
  { kind: 'local'; keyFile: string } | { kind: 'aws'; keyId: string; region?: string; endpoint?: string };

/**
 * Reads the key, or asks the KMS for its public half, once.
 * @throws KeywardError `dependency_unavailable` where the key can't be had, or is of a kind that signs no checkpoints; the cause says which
 */
export async function openCheckpointSigner(settings: CheckpointSigningSettings): Promise<CheckpointSigner> {
  if (settings.kind === 'local') {
    const { openLocalSigner } = await import('./local/local-signer.js');
    return openLocalSigner(settings.keyFile);
  }
  // Only here: an SDK that nobody calls would cost the process its memory.
  const { openAwsSigner } = await import('./aws/aws-signer.js');
  const { kind: _kind, ...options } = settings;
  return openAwsSigner(options);
}
