import { KeywardError } from '@keyward/contracts';
import { ProviderAppEntity } from '@keyward/postgres';
import type { EntityManager } from 'typeorm';

/**
 * For whatever is stored that was made with a registration: it may have been led to another server meanwhile. Locked, so that whoever
 * replaces it waits, and finds what is stored.
 * @throws KeywardError `conflict`
 */
export async function requireUnchangedApp(
  em: EntityManager,
  { id, orgId, generation }: Pick<ProviderAppEntity, 'id' | 'orgId' | 'generation'>,
): Promise<void> {
  const lock = { mode: 'pessimistic_read' as const };
  if ((await em.findOne(ProviderAppEntity, { where: { id, orgId, generation }, lock })) !== null) return;
  throw new KeywardError('conflict', 'The registration at the provider was changed meanwhile; nothing was stored. Try again.');
}
