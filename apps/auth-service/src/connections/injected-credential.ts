import type { ProviderManifest } from '@keyward/connectors';
import type { InjectedCredential } from '@keyward/egress';

/** Where the manifest has requests carry the secret, as egress takes it. */
export function injectedCredential({ credential }: ProviderManifest, secret: string): InjectedCredential {
  if (credential.in !== 'header') throw new TypeError(`a credential in the ${credential.in}`);
  return { header: credential.name, prefix: credential.prefix, secret };
}
