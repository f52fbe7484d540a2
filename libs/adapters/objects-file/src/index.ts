export { createFileObjectStore } from './file-object-store.js';
