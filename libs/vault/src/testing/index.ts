export { describeDataKeyStore, type DataKeyStoreUnderTest } from './data-key-store-contract.js';
export { findConfusedContexts } from './kms-context-ambiguity.js';
export { describeKeyManagement, type KmsUnderTest } from './kms-contract.js';
export { ManualClock } from './manual-clock.js';
export { MemoryDataKeyStore } from './memory-data-key-store.js';
export { MemoryKms } from './memory-kms.js';
