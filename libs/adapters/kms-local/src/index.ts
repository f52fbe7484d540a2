export { addKey, createKeyFile } from './key-file.js';
export { createLocalKms, type LocalKmsOptions } from './local-kms.js';
