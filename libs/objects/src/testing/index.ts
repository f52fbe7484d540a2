export { MemoryObjectStore } from './memory-object-store.js';
export { describeObjectStore, type ObjectStoreUnderTest } from './object-store-contract.js';
