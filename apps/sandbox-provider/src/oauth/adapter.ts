import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { OAuthRecords } from '../store/oauth-records.js';

/**
 * oidc-provider's storage port over OAuthRecords. It reads a token, decides, and then marks it as used; two requests that arrive
 * together would both read it unused. So the mark itself decides here: who comes second has presented a used token, which ends
 * the family (RFC 9700 section 4.14.2, RFC 6749 section 4.1.2).
 */
export function createAdapter(kind: string, records: OAuthRecords): Adapter {
  return {
    upsert: async (id, payload, expiresIn) => records.upsert(kind, id, payload, expiresIn),
    find: async (id) => records.find(kind, id),
    findByUid: async (uid) => records.findByUid(kind, uid),
    findByUserCode: async (userCode) => records.findByUserCode(kind, userCode),
    consume: async (id) => {
      const payload = records.find(kind, id);
      if (records.consume(kind, id)) return;
      revokeFamily(records, payload);
      throw new errors.InvalidGrant(`${kind} already used`);
    },
    destroy: async (id) => records.destroy(kind, id),
    revokeByGrantId: async (grantId) => records.destroyOfGrant(kind, grantId),
  };
}

function revokeFamily(records: OAuthRecords, payload: AdapterPayload | undefined): void {
  if (payload?.grantId !== undefined) records.revokeGrant(payload.grantId);
}
