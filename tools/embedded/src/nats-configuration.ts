import { operatorConfiguration, type NatsOperator } from './nats-operator.js';

export interface NatsConfiguration {
  /** `host:port` */
  listen: string;
  jetstreamDir: string;
  operator?: NatsOperator;
  /** JetStream's limit on disk. Default: the server's own. */
  maxStoreBytes?: number;
}

/** The content of nats-server's configuration file; JSON is a subset of its format. */
export function natsConfiguration(options: NatsConfiguration): string {
  const { listen, jetstreamDir, operator, maxStoreBytes } = options;
  const configuration = {
    server_name: 'keyward',
    listen,
    jetstream: { store_dir: jetstreamDir, ...(maxStoreBytes === undefined ? {} : { max_file_store: maxStoreBytes }) },
    ...(operator === undefined ? {} : operatorConfiguration(operator)),
  };
  return JSON.stringify(configuration, null, 2);
}
