export { createSigningKeyFile } from './local/key-file.js';
export { openCheckpointSigner, type CheckpointSigningSettings } from './open-checkpoint-signer.js';
export { readPreviousKeys } from './previous-keys.js';
