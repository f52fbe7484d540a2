export type {
  AuthorizeAttack,
  HostileBehaviour,
  MetadataAttack,
  RegistrationAttack,
  ResourceAttack,
  TokenAttack,
} from './behaviour.js';
export { startHostileAuthorizationServer, type HostileAuthorizationServer } from './start.js';
