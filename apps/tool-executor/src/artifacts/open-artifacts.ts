import { openObjectStore } from '@keyward/objects-open';
import type { DataSource } from 'typeorm';
import type { ExecutorHost } from '../create-executor.js';
import { ArtifactRows } from './artifact-rows.js';
import { Artifacts } from './artifacts.js';

/** Null where no store is configured: what the bus does not carry is then too large. */
export async function openArtifacts({ config, logger, onDrain }: ExecutorHost, database: DataSource): Promise<Artifacts | null> {
  if (config.objects === undefined) return null;
  const store = await openObjectStore(config.objects);
  const artifacts = new Artifacts({ store, rows: new ArtifactRows(database), keepMs: config.retention.keepMs, logger });
  artifacts.purgeRegularly();
  onDrain('artifacts', async () => {
    artifacts.stop();
    await store.close();
  });
  return artifacts;
}
