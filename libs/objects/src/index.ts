export {
  assertObjectKey,
  objectKey,
  objectLocked,
  objectsUnavailable,
  type ObjectStore,
  type PutOptions,
} from './object-store.js';
