import { MemoryObjectStore } from './memory-object-store.js';
import { describeObjectStore } from './object-store-contract.js';

describeObjectStore('the fake in memory', () =>
  Promise.resolve({ store: new MemoryObjectStore(), stop: () => Promise.resolve() }),
);
