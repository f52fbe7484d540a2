export type { ArmedFault, Fault, FaultRule, Place } from './fault.js';
export { FaultProxy } from './fault-proxy.js';
export { httpProtocol } from './http.js';
export { natsProtocol } from './nats.js';
export { postgresProtocol } from './postgres.js';
export type { Protocol } from './protocol.js';
export type { OnExchange } from './session.js';
