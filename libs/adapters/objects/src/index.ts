export { openObjectStore, type ObjectStoreSettings } from './open-object-store.js';
