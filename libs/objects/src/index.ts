export { assertObjectKey, objectKey, objectsUnavailable, type ObjectStore } from './object-store.js';
