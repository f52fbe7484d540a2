export { openKms, type KmsSettings } from './open-kms.js';
