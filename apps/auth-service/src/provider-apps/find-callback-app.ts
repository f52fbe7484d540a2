import { prepared, ProviderAppEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

const CONTEXT = /^[0-9a-f]{32}$/;
const FIND = {
  name: 'auth_find_callback_app',
  text: 'SELECT org_id, provider_app_id FROM connect.find_callback_app($1)',
};

/** Whose callback context this is. What can't be one is not even looked up. */
export async function findCallbackApp(dataSource: DataSource, context: string): Promise<ProviderAppEntity | null> {
  if (!CONTEXT.test(context)) return null;
  const [row] = await prepared<{ org_id: string; provider_app_id: string }>(dataSource, FIND, [context]);
  if (row === undefined) return null;
  return withOrg(dataSource, row.org_id, (em) =>
    em.findOneBy(ProviderAppEntity, { id: row.provider_app_id, orgId: row.org_id, callbackContext: context }),
  );
}
