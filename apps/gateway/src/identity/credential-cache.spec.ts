import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { agentKeySecretHash, formatAgentKey, newId } from '@keyward/contracts';
import type { AgentKeyRow } from '@keyward/postgres';
import { checkAgentKey } from './check-agent-key.js';
import { CredentialCache } from './credential-cache.js';

const org = newId('org');
const agent = newId('agt');

function issue(expiresAt: Date | null = null) {
  const id = newId('key');
  const secret = randomBytes(32).toString('base64url');
  const row: AgentKeyRow = {
    ...{ org_id: org, agent_id: agent, secret_sha256: agentKeySecretHash(secret) },
    ...{ revoked_at: null, expires_at: expiresAt },
  };
  return { id, key: formatAgentKey({ id, secret }), row };
}

/** A table of keys, a clock, and how often the table was asked. */
function setUp(rows: { id: string; row: AgentKeyRow }[]) {
  const table = new Map(rows.map(({ id, row }) => [id, row]));
  const state = { now: 0, lookups: 0 };
  let gate: Promise<void> = Promise.resolve();
  const lookup = async (id: string) => {
    state.lookups++;
    const row = table.get(id);
    await gate;
    return row;
  };
  const keys = new CredentialCache((key) => checkAgentKey(lookup, key, () => state.now), {
    verifiedMs: 60_000,
    refusedMs: 5_000,
    size: 3,
    now: () => state.now,
  });
  const ask = async (key: string) => {
    const digest = CredentialCache.digest(key);
    const known = keys.known(digest);
    if (known === 'refused') return undefined;
    return known ?? (await keys.verify(key, digest));
  };
  return { keys, table, state, ask, hold: (until: Promise<void>) => (gate = until) };
}

describe('agent keys', () => {
  it('accepts the key that was issued and asks for its row once a minute', async () => {
    const mine = issue();
    const { ask, state } = setUp([mine]);
    await expect(ask(mine.key)).resolves.toEqual({ org, agent, key: mine.id });
    await ask(mine.key);
    expect(state.lookups).toBe(1);
    state.now = 60_001;
    await expect(ask(mine.key)).resolves.toMatchObject({ agent });
    expect(state.lookups).toBe(2);
  });

  it('refuses a wrong secret, an unknown id, a malformed and a revoked key in the same way', async () => {
    const mine = issue();
    const revoked = issue();
    revoked.row.revoked_at = new Date();
    const { ask } = setUp([mine, revoked]);
    const wrongSecret = formatAgentKey({ id: mine.id, secret: randomBytes(32).toString('base64url') });
    for (const key of [wrongSecret, issue().key, 'kwa_nonsense', revoked.key]) await expect(ask(key)).resolves.toBeUndefined();
  });

  it('refuses other spellings of the same secret', async () => {
    const mine = issue();
    const { ask } = setUp([mine]);
    const last = mine.key.at(-1) as string;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twin = mine.key.slice(0, -1) + alphabet[alphabet.indexOf(last) ^ 1];
    expect(Buffer.from(twin.slice(-43), 'base64url')).toEqual(Buffer.from(mine.key.slice(-43), 'base64url'));
    await expect(ask(twin)).resolves.toBeUndefined();
  });

  it('remembers a refusal briefly, and no longer', async () => {
    const late = issue();
    const { ask, state, table } = setUp([]);
    await ask(late.key);
    table.set(late.id, late.row);
    await expect(ask(late.key)).resolves.toBeUndefined();
    expect(state.lookups).toBe(1);
    state.now = 5_001;
    await expect(ask(late.key)).resolves.toMatchObject({ agent });
  });

  it.each(['agent_key', 'agent'] as const)('looks again at once when the %s is revoked', async (kind) => {
    const mine = issue();
    const { ask, keys } = setUp([mine]);
    await ask(mine.key);
    mine.row.revoked_at = new Date();
    keys.forget(kind === 'agent' ? { kind, org, agent } : { kind, org, agent, key: mine.id });
    await expect(ask(mine.key)).resolves.toBeUndefined();
  });

  it('takes a rotated key until it ends, and not a moment longer, however fresh the cache', async () => {
    const old = issue(new Date(10_000));
    const { ask, state } = setUp([old]);
    state.now = 9_000;
    await expect(ask(old.key)).resolves.toMatchObject({ agent });
    state.now = 9_999;
    await expect(ask(old.key)).resolves.toMatchObject({ agent });
    expect(state.lookups).toBe(1);
    state.now = 10_000;
    await expect(ask(old.key)).resolves.toBeUndefined();
  });

  it('looks again when a key that had no end is rotated', async () => {
    const old = issue();
    const { ask, keys, state } = setUp([old]);
    await ask(old.key);
    old.row.expires_at = new Date(1_000);
    keys.forget({ kind: 'agent_key', org, agent, key: old.id });
    await ask(old.key);
    state.now = 1_000;
    await expect(ask(old.key)).resolves.toBeUndefined();
  });

  it('forgets every principal of an organization that is shredded, and none for what concerns connections alone', async () => {
    const mine = issue();
    const { ask, keys, state } = setUp([mine]);
    await ask(mine.key);
    keys.forget({ kind: 'connection', org, connection: newId('conn') });
    keys.forget({ kind: 'connections', org, agent });
    keys.forget({ kind: 'organization', org: newId('org') });
    await ask(mine.key);
    expect(state.lookups).toBe(1);
    keys.forget({ kind: 'organization', org });
    await ask(mine.key);
    expect(state.lookups).toBe(2);
  });

  it('does not cache a row that was read before a revocation and arrived after it', async () => {
    const mine = issue();
    const { ask, keys, hold, state } = setUp([mine]);
    let open!: () => void;
    hold(new Promise((resolve) => (open = resolve)));
    const underWay = ask(mine.key);
    keys.forget({ kind: 'agent_key', org, agent, key: mine.id });
    open();
    await underWay;
    await ask(mine.key);
    expect(state.lookups).toBe(2);
  });

  it('asks once for a crowd of first calls', async () => {
    const mine = issue();
    const { ask, state } = setUp([mine]);
    await Promise.all(Array.from({ length: 50 }, () => ask(mine.key)));
    expect(state.lookups).toBe(1);
  });

  it('does not let a flood of refused keys push out one that is in use', async () => {
    const mine = issue();
    const { ask, keys } = setUp([mine]);
    await ask(mine.key);
    for (let i = 0; i < 10; i++) await ask(issue().key);
    expect(keys.wasVerified(CredentialCache.digest(mine.key))).toBe(true);
  });
});
