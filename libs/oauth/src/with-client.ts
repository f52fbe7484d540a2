import { clientSecretContext, privateKeyContext, type Credentials, type SecretContext } from '@keyward/credentials';
import type { OAuthClient } from './wire.js';

/** The row of a registration, as far as it is needed to act in its name. */
export interface SealedRegistration {
  orgId: string;
  id: string;
  clientId: string;
  sealedSecret: Buffer | null;
  sealedKey: Buffer | null;
  certificate: string | null;
  parameters: Readonly<Record<string, string>>;
  generation: number;
}

/**
 * Lends the registration with its secrets opened, for one call.
 * @throws KeywardError where a secret does not open; and whatever `use` throws
 */
export async function withClient<T>(
  credentials: Pick<Credentials, 'openSecret'>,
  app: SealedRegistration,
  use: (client: OAuthClient) => Promise<T>,
): Promise<T> {
  const ref = { org: app.orgId, id: app.id, generation: app.generation };
  const open = <R>(
    context: SecretContext,
    sealed: Buffer | null,
    next: (secret: string | undefined) => Promise<R>,
  ): Promise<R> => (sealed === null ? next(undefined) : credentials.openSecret(context, sealed, next));
  return open(clientSecretContext(ref), app.sealedSecret, (clientSecret) =>
    open(privateKeyContext(ref), app.sealedKey, (privateKey) =>
      use({
        clientId: app.clientId,
        parameters: app.parameters,
        ...(clientSecret === undefined ? {} : { clientSecret }),
        ...(privateKey === undefined ? {} : { privateKey }),
        ...(app.certificate === null ? {} : { certificate: app.certificate }),
      }),
    ),
  );
}
