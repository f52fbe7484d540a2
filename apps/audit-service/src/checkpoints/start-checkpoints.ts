import { openCheckpointSigner, readPreviousKeys } from '@keyward/checkpoint-signing';
import { openObjectStore } from '@keyward/objects-open';
import type { DataSource } from 'typeorm';
import type { CheckpointSigningConfig, ObjectsConfig } from '@keyward/service-host';
import type { Registry } from 'prom-client';
import { Periodic } from '../background/periodic.js';
import { Anchors } from './anchors.js';
import { CheckpointWorker, type CheckpointLog } from './checkpoint-worker.js';
import { Checkpoints } from './checkpoints.js';
import { createCheckpointMetrics } from './metrics.js';
import { SigningKey } from './signing-key.js';

export interface RunningCheckpoints {
  key: SigningKey;
  checkpoints: Checkpoints;
  /** Undefined where copies are put nowhere. */
  anchors: Anchors | undefined;
  stop(): Promise<void>;
}

interface Options {
  database: DataSource;
  config: {
    signing: CheckpointSigningConfig | undefined;
    checkpoints: { everyMs: number };
    anchor: ObjectsConfig | undefined;
    anchorRetention: { days: number };
  };
  registry: Registry;
  log: CheckpointLog;
}

/** Begins to sign chains as they move. @returns undefined where this deployment says nothing of a signing key */
export async function startCheckpoints({ database, config, registry, log }: Options): Promise<RunningCheckpoints | undefined> {
  const { signing, anchor } = config;
  if (signing === undefined) {
    log.warn(
      {},
      'KEYWARD_AUDIT_SIGNING is not set: chains are not signed, and whoever can change the database can make one anew',
    );
    return undefined;
  }
  const { previousKeysFile, ...settings } = signing;
  const previous = previousKeysFile === undefined ? [] : await readPreviousKeys(previousKeysFile);
  const key = new SigningKey(() => openCheckpointSigner(settings), previous);
  // A key that is a file is there or is not. A KMS may come back.
  if (settings.kind === 'local') await key.signer();

  const checkpoints = new Checkpoints(database, key);
  const store = anchor === undefined ? undefined : await openObjectStore(anchor);
  const anchors = store && new Anchors(database, store, key, config.anchorRetention.days);
  const counted = createCheckpointMetrics(registry, () => checkpoints.oldestSeconds());
  const worker = new CheckpointWorker({ database, checkpoints, anchors, metrics: counted, log });
  const rounds = new Periodic(config.checkpoints.everyMs, (stopping) => worker.round(stopping));
  rounds.start();
  const stop = async (): Promise<void> => {
    await rounds.stop();
    await store?.close();
  };
  return { key, checkpoints, anchors, stop };
}
