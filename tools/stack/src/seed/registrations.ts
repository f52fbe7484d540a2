import { readManifest } from '../emulate/emulatable.js';
import type { Secrets } from '../home/secrets.js';

/** Keyward as a client of the sandbox. */
export interface Registration {
  connector: string;
  clientId: string;
  /** What the sandbox is told besides. */
  metadata: Readonly<Record<string, unknown>>;
}

const EMULATED = 'keyward-at-emulated-';

/** The notes, and each vendor that is emulated. */
export function registrations({ sandbox }: Secrets, emulated: readonly string[]): Registration[] {
  const notes = { connector: 'sandbox', clientId: sandbox.clientId, metadata: {} };
  const vendors = emulated.map((connector) => ({
    connector,
    clientId: EMULATED + connector,
    metadata: {
      vendor: connector,
      token_endpoint_auth_method: 'client_secret_post',
      rotate_refresh_tokens: readManifest(connector).refresh?.rotates ?? false,
    },
  }));
  return [notes, ...vendors];
}

/** Whether this registration was made for an emulated vendor. */
export function isOfEmulated(clientId: string): boolean {
  return clientId.startsWith(EMULATED);
}
