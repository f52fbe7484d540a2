import type { Scope } from '@keyward/connectors';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';

/** What the requests of a call are made of, before its first step. */
export function scopeOf({ arguments: args, key }: Call, connection: UsableConnection): Scope {
  return {
    args,
    steps: {},
    key,
    connection: connection.parameters,
    provider: connection.provider,
  };
}
