import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase } from '../store/database.js';
import { OAuthRecords } from '../store/oauth-records.js';
import { createAdapter } from './adapter.js';

let records: OAuthRecords;

beforeEach(() => {
  records = new OAuthRecords(openDatabase(undefined));
});

afterEach(() => records.close());

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

describe('the adapter', () => {
  it('lets one of two simultaneous redemptions win, and ends the family for the other', async () => {
    const grants = createAdapter('Grant', records);
    const refreshTokens = createAdapter('RefreshToken', records);
    const accessTokens = createAdapter('AccessToken', records);
    await grants.upsert('grant', { accountId: 'ada', clientId: 'client' }, 3600);
    await refreshTokens.upsert('refresh', { grantId: 'grant' }, 3600);
    // Both requests have read the token as unused by now.
    await refreshTokens.consume('refresh');
    await expect(refreshTokens.consume('refresh')).rejects.toMatchObject({ error: 'invalid_grant' });

    expect(await grants.find('grant')).toBeUndefined();
    expect(await refreshTokens.find('refresh')).toBeUndefined();
    // What the winner stores after that is born dead.
    const late = { accountId: 'ada', clientId: 'client', grantId: 'grant', scope: 'notes:read', exp: inAnHour() };
    await accessTokens.upsert('access', late, 3600);
    expect(records.accessTokens.find('access')).toBeUndefined();
  });
});

describe('access tokens', () => {
  const token = (grantId: string) => ({ accountId: 'ada', clientId: 'client', grantId, scope: 'notes:read', exp: inAnHour() });

  it('are found until their grant is revoked, siblings of other grants untouched', async () => {
    for (const grant of ['one', 'two']) {
      records.upsert('Grant', grant, { accountId: 'ada', clientId: 'client' }, 3600);
      records.upsert('AccessToken', `of-${grant}`, token(grant), 3600);
    }
    records.revokeGrant('one');
    expect(records.accessTokens.find('of-one')).toBeUndefined();
    expect(records.accessTokens.find('of-two')?.user).toBe('ada');
  });

  it('are not found once expired', () => {
    records.upsert('Grant', 'grant', { accountId: 'ada', clientId: 'client' }, 3600);
    records.upsert('AccessToken', 'old', { ...token('grant'), exp: Math.floor(Date.now() / 1000) - 1 }, 3600);
    expect(records.accessTokens.find('old')).toBeUndefined();
  });
});
