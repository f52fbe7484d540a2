export { cacheDir } from './cache-dir.js';
export { freePort, portIsFree } from './free-port.js';
export { natsConfiguration, type NatsClusterMember, type NatsConfiguration } from './nats-configuration.js';
export { findNatsServer, PINNED_NATS_VERSION, type FindNatsOptions } from './nats-finder.js';
export type { NatsBinary } from './nats-version.js';
export { startNats, type NatsOptions, type NatsServer } from './nats.js';
export { initCluster, POSTGRES_PACKAGE_VERSION } from './postgres-cluster.js';
export { startPostgres, type PostgresOptions, type PostgresServer } from './postgres.js';
export { dismissGuard, protectChild, removeWhenGone } from './process-guard.js';
