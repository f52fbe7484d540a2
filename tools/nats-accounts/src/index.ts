export { mintAgentCreds, mintServiceCreds, type NatsPermissions } from './credentials.js';
export {
  createNatsOperator,
  newNatsSeeds,
  operatorConfiguration,
  type NatsAccount,
  type NatsAccountName,
  type NatsOperator,
  type NatsSeeds,
} from './operator.js';
export {
  BRIDGE_PERMISSIONS,
  CUSTODY_CLIENT,
  CUSTODY_PERMISSIONS,
  NATS_SERVICES,
  servicePermissions,
  type NatsService,
} from './permissions.js';
