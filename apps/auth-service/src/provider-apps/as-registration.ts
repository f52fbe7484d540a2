import type { Credentials } from '@keyward/credentials';
import { rejectionReason, withClient, type OAuthClient } from '@keyward/oauth';
import { withOrg, type ProviderAppEntity } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { SERVICE } from '../records/record.js';
import { isRejection, markAccepted, markRejected } from './rejection.js';

/**
 * What is asked for: a token, with nothing but the registration; a token for what a person brings, which may be another client's; or a
 * device code.
 */
export type Question = 'token' | 'token_for_grant' | 'device_code';

export interface AsRegistrationOptions {
  dataSource: DataSource;
  credentials: Credentials;
}

/**
 * Asks a token endpoint in the name of a registration, and remembers whether that was accepted: everything else that lives by the
 * registration would be asked in vain as well.
 * @throws what `ask` throws
 */
export async function asRegistration<T>(
  { dataSource, credentials }: AsRegistrationOptions,
  app: ProviderAppEntity,
  question: Question,
  ask: (client: OAuthClient) => Promise<T>,
): Promise<T> {
  // What cannot be remembered now is found again with the next refresh. The answer, and why there is none, must not be lost for it.
  const remember = (work: (em: EntityManager) => Promise<void>) => withOrg(dataSource, app.orgId, work).catch(() => undefined);
  let answer: T;
  try {
    answer = await withClient(credentials, app, ask);
  } catch (thrown) {
    if (isRejection(thrown, question)) await remember((em) => markRejected(em, app, rejectionReason(thrown), SERVICE));
    throw thrown;
  }
  // Many servers give a device code to whoever names the client.
  if (app.rejectedAt !== null && question !== 'device_code') await remember((em) => markAccepted(em, app, SERVICE));
  return answer;
}
