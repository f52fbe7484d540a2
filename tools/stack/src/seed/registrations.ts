import { readManifest } from '../emulate/emulatable.js';
import type { Secrets } from '../home/secrets.js';

/** Keyward as a client of the sandbox. */
export interface Registration {
  connector: string;
  clientId: string;
  /** What the sandbox is told besides. */
  metadata: Readonly<Record<string, unknown>>;
}

/** The notes, and each vendor that is emulated. */
export function registrations({ sandbox, emulated }: Secrets): Registration[] {
  const notes = { connector: 'sandbox', clientId: sandbox.clientId, metadata: {} };
  const vendors = emulated.map((connector) => ({
    connector,
    clientId: `${sandbox.clientId}-at-${connector}`,
    metadata: {
      vendor: connector,
      token_endpoint_auth_method: 'client_secret_post',
      rotate_refresh_tokens: readManifest(connector).refresh?.rotates ?? false,
    },
  }));
  return [notes, ...vendors];
}
