export { openKms, type KmsSettings } from './open-kms.js';
export { createVaultMetrics } from './vault-metrics.js';
