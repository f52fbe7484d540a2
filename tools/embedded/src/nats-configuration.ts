import { operatorConfiguration, type NatsOperator } from '@keyward/nats-accounts';

export interface NatsConfiguration {
  /** `host:port` */
  listen: string;
  jetstreamDir: string;
  operator?: NatsOperator;
  /** JetStream's limit on disk. Default: the server's own. */
  maxStoreBytes?: number;
  /** Left out: a server of its own. */
  cluster?: NatsClusterMember;
}

/** One of several servers that keep streams together. */
export interface NatsClusterMember {
  serverName: string;
  clusterName: string;
  /** Where the others reach it. */
  port: number;
  /** The others', and its own. */
  routePorts: readonly number[];
}

/**
 * What the doors accept is 1 MiB. On the bus it travels with what we add to it, and a dead letter holds it as base64: the server's
 * default of 1 MiB would keep such a message from ever leaving its stream.
 */
const MAX_PAYLOAD_BYTES = 4 * 1_048_576;

/** How long a member takes to leave. The server takes no shorter one than half a minute. */
const LAME_DUCK = { lame_duck_duration: '30s', lame_duck_grace_period: '1s' };

/** The content of nats-server's configuration file; JSON is a subset of its format. */
export function natsConfiguration(options: NatsConfiguration): string {
  const { listen, jetstreamDir, operator, maxStoreBytes, cluster } = options;
  const configuration = {
    server_name: cluster?.serverName ?? 'keyward',
    listen,
    max_payload: MAX_PAYLOAD_BYTES,
    jetstream: { store_dir: jetstreamDir, ...(maxStoreBytes === undefined ? {} : { max_file_store: maxStoreBytes }) },
    ...(cluster === undefined ? {} : { cluster: clusterConfiguration(cluster), ...LAME_DUCK }),
    ...(operator === undefined ? {} : operatorConfiguration(operator)),
  };
  return JSON.stringify(configuration, null, 2);
}

function clusterConfiguration({ clusterName, port, routePorts }: NatsClusterMember): object {
  return { name: clusterName, listen: `127.0.0.1:${port}`, routes: routePorts.map((each) => `nats-route://127.0.0.1:${each}`) };
}
