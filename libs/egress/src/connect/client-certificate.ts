import { createSecureContext, type SecureContext } from 'node:tls';
import { EgressError } from '../egress-error.js';
import type { ClientCertificate } from '../egress.js';

/** @throws EgressError `invalid_request`; nothing of the key is quoted */
export function securedBy({ certificate, privateKey }: ClientCertificate): SecureContext {
  try {
    return createSecureContext({ cert: certificate, key: privateKey });
  } catch {
    // OpenSSL's error is not kept: some of its texts quote input.
    throw new EgressError('invalid_request', 'The client certificate and its private key can not be used together.', false);
  }
}
