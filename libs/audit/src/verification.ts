/** What needs the JOSE library, apart from the rest: services that only record events don't load it. */
export { checkpointKeys, type CheckpointKeys } from './checkpoint/keys.js';
export { verifyCheckpoint } from './checkpoint/verify.js';
export { publicJwkOf, type CheckpointJwk } from './checkpoint/public-jwk.js';
export { readLines, UnreadableLine } from './export/read-lines.js';
export { verifyExport, type VerifyExportOptions } from './export/verify-export.js';
