import { randomBytes } from 'node:crypto';
import type { SecretContext } from '@keyward/credentials';

/** As Standard Webhooks recommends: between 24 and 64. */
const SECRET_BYTES = 32;

/** As receivers' libraries take it. */
export function newEndpointSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** A secret opens for its endpoint and generation alone. */
export function endpointSecretContext(org: string, endpoint: string, generation: number): SecretContext {
  return { org, record: endpoint, field: 'webhook_secret', generation };
}
