/** The operator, its accounts and keys; filled by createNatsOperator. */
export interface NatsOperator {
  /** The part of nats-server's configuration that names operator, accounts and resolver. */
  serverConfig(): Record<string, unknown>;
}
