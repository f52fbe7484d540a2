import type { ObjectStore } from '@keyward/objects';

export type ObjectStoreSettings =
  | { kind: 'file'; dir: string }
  | { kind: 's3'; bucket: string; prefix?: string; region?: string; endpoint?: string; kmsKeyId?: string };

/** Only the adapter that is used is loaded: an SDK that nobody calls would cost every process its memory. */
export async function openObjectStore(settings: ObjectStoreSettings): Promise<ObjectStore> {
  if (settings.kind === 'file') {
    const { createFileObjectStore } = await import('@keyward/objects-file');
    return createFileObjectStore({ dir: settings.dir });
  }
  const { createS3ObjectStore } = await import('@keyward/objects-s3');
  const { kind: _kind, ...options } = settings;
  return createS3ObjectStore(options);
}
