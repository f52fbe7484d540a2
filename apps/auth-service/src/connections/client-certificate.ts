import type { ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { privateKeyContext, type Credentials } from '@keyward/credentials';
import type { ClientCertificate } from '@keyward/egress';
import type { SealedRegistration } from '@keyward/oauth';

/**
 * Lends what an API request shows in the TLS handshake (RFC 8705), for one call; undefined where the provider does not ask for it.
 * @throws KeywardError `invalid_request` where the registration lacks it, or it does not open; and whatever `use` throws
 */
export async function withCertificate<T>(
  credentials: Pick<Credentials, 'openSecret'>,
  { client_certificate, title }: ProviderManifest,
  app: SealedRegistration | null,
  use: (tls: ClientCertificate | undefined) => Promise<T>,
): Promise<T> {
  if (!client_certificate) return use(undefined);
  const { certificate = null, sealedKey = null } = app ?? {};
  if (app === null || certificate === null || sealedKey === null) {
    const lack = `The registration at ${title} has no client certificate, and that provider needs one`;
    throw new KeywardError('invalid_request', `${lack}; an admin must add it.`);
  }
  const { orgId: org, id, generation } = app;
  return credentials.openSecret(privateKeyContext({ org, id, generation }), sealedKey, (privateKey) =>
    use({ certificate, privateKey }),
  );
}
