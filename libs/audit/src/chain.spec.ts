import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newId, type AuditEvent, type AuditRecord } from '@keyward/contracts';
import fc from 'fast-check';
import { buildAuditEvent } from './audit-event.js';
import { canonicalJson, chainHash, GENESIS_HASH, verifyChain } from './chain.js';

const ORG = newId('org');

function event(reason: string, org = ORG): AuditEvent {
  return buildAuditEvent({
    type: 'connection.refreshed',
    org,
    actor: { kind: 'service', id: 'x' },
    traceId: '0'.repeat(32),
    reason,
  });
}

function chainOf(events: AuditEvent[]): AuditRecord[] {
  let prev = GENESIS_HASH;
  return events.map((entry, index) => {
    const hash = chainHash(prev, entry);
    const record = { event: entry, seq: index + 1, prevHash: prev.toString('hex'), hash: hash.toString('hex') };
    prev = hash;
    return record;
  });
}

const chain = chainOf(['a', 'b', 'c', 'd', 'e'].map((reason) => event(reason)));
const at = (index: number): AuditRecord => chain[index] as AuditRecord;
const head = { seq: 5, hash: at(4).hash };
const without = (index: number): AuditRecord[] => chain.toSpliced(index, 1);

describe('canonicalJson', () => {
  it('does not depend on the order of members, and sorts them by UTF-16 (RFC 8785 section 3.2.3)', () => {
    const value = event('x');
    const reversed = Object.fromEntries(Object.entries(value).reverse()) as AuditEvent;
    expect(canonicalJson(reversed)).toBe(canonicalJson(value));
    const names = Object.keys(JSON.parse(canonicalJson(value)) as object);
    expect(names).toEqual(names.toSorted());
  });

  it('writes numbers as RFC 8785 section 3.2.2.3 has them', () => {
    expect(canonicalJson({ ...event('x'), durationMs: 1e21 })).toContain('"durationMs":1e+21');
    expect(canonicalJson({ ...event('x'), durationMs: -0 })).toContain('"durationMs":0');
    expect(canonicalJson({ ...event('x'), durationMs: 0.1 + 0.2 })).toContain('"durationMs":0.30000000000000004');
  });

  it('refuses what has no canonical form', () => {
    expect(() => canonicalJson({ ...event('x'), durationMs: Number.NaN })).toThrow();
    expect(() => canonicalJson({ ...event('x'), reason: '\ud800' })).toThrow();
  });
});

describe('chainHash', () => {
  it('is SHA-256 over the previous hash and the canonical JSON', () => {
    const value = event('x');
    const prev = createHash('sha256').update('before').digest();
    expect(chainHash(prev, value)).toEqual(
      createHash('sha256')
        .update(Buffer.concat([prev, Buffer.from(canonicalJson(value))]))
        .digest(),
    );
  });

  it('is pinned, so that stored chains stay verifiable', () => {
    const pinned: AuditEvent = {
      id: 'evt_00000000000000000000000000000001',
      version: 1,
      type: 'execution.completed',
      at: '2026-01-02T03:04:05.678Z',
      org: 'org_00000000000000000000000000000002',
      actor: { kind: 'agent', id: 'agt_00000000000000000000000000000003' },
      traceId: '000102030405060708090a0b0c0d0e0f',
      tool: 'sandbox_echo',
      state: 'succeeded',
      attempts: 1,
      durationMs: 12.5,
      reason: 'größer',
    };
    expect(canonicalJson(pinned)).toBe(
      '{"actor":{"id":"agt_00000000000000000000000000000003","kind":"agent"},"at":"2026-01-02T03:04:05.678Z","attempts":1,' +
        '"durationMs":12.5,"id":"evt_00000000000000000000000000000001","org":"org_00000000000000000000000000000002",' +
        '"reason":"größer","state":"succeeded","tool":"sandbox_echo","traceId":"000102030405060708090a0b0c0d0e0f",' +
        '"type":"execution.completed","version":1}',
    );
    expect(chainHash(GENESIS_HASH, pinned).toString('hex')).toBe(
      '835eb0971fe8a2cf9f06dbd0c401608391114bffad20abe88a0e812f639b3b41',
    );
  });

  it('takes only a whole hash to chain to', () => {
    expect(() => chainHash(Buffer.alloc(31), event('x'))).toThrow('32 bytes');
  });
});

describe('verifyChain', () => {
  it('accepts what was recorded, as a whole and in parts', () => {
    expect(verifyChain(chain)).toEqual({ ok: true, count: 5, head });
    expect(verifyChain(chain.slice(2), { after: { seq: 2, hash: at(1).hash }, checkpoint: head })).toEqual({
      ok: true,
      count: 3,
      head,
    });
    expect(verifyChain([])).toEqual({ ok: true, count: 0, head: { seq: 0, hash: '0'.repeat(64) } });
  });

  it('accepts records that came through JSON and a store that reorders members', () => {
    const travelled = chain.map((record) =>
      JSON.parse(JSON.stringify({ ...record, event: Object.fromEntries(Object.entries(record.event).reverse()) })),
    );
    expect(verifyChain(travelled as AuditRecord[])).toMatchObject({ ok: true });
  });

  it('accepts a chain that has grown since the checkpoint', () => {
    expect(verifyChain(chain, { checkpoint: { seq: 3, hash: at(2).hash } })).toMatchObject({ ok: true, count: 5 });
  });

  const edited = { ...at(2), event: { ...at(2).event, reason: 'z' } };
  const forgedHash = chainHash(Buffer.from(at(2).prevHash, 'hex'), edited.event).toString('hex');
  const foreign = event('c', newId('org'));

  it.each<[string, AuditRecord[], object, number, string]>([
    ['an edited event', chain.with(2, edited), {}, 3, 'hash_mismatch'],
    ['an edited event with its own hash put right', chain.with(2, { ...edited, hash: forgedHash }), {}, 4, 'prev_hash_mismatch'],
    ['a deleted first record', without(0), {}, 1, 'gap'],
    ['a deleted record', without(2), {}, 3, 'gap'],
    [
      'a deleted record with the rest renumbered',
      without(2).map((record, index) => ({ ...record, seq: index + 1 })),
      {},
      3,
      'prev_hash_mismatch',
    ],
    ['two records swapped', chain.with(1, at(2)).with(2, at(1)), {}, 2, 'gap'],
    [
      'two events swapped',
      chain.with(1, { ...at(1), event: at(2).event }).with(2, { ...at(2), event: at(1).event }),
      {},
      2,
      'hash_mismatch',
    ],
    ['a record twice', chain.toSpliced(2, 0, at(1)), {}, 3, 'gap'],
    ['a record put in between', chain.toSpliced(2, 0, { ...at(2), event: event('forged') }), {}, 3, 'hash_mismatch'],
    ['a truncated end, where the head is known', chain.slice(0, 3), { checkpoint: head }, 4, 'gap'],
    ['everything gone, where the head is known', [], { checkpoint: head }, 1, 'gap'],
    [
      'a chain rewritten as a whole, where the head is known',
      chainOf(['a', 'b', 'c', 'd', 'f'].map((r) => event(r))),
      { checkpoint: head },
      5,
      'checkpoint_mismatch',
    ],
    [
      'a rewritten past, where a checkpoint in it is known',
      chainOf(['x', 'b', 'c'].map((r) => event(r))),
      { checkpoint: { seq: 2, hash: at(1).hash } },
      2,
      'checkpoint_mismatch',
    ],
    [
      'a head that is not the one expected, with nothing after it',
      [],
      { after: { seq: 5, hash: 'ab'.repeat(32) }, checkpoint: head },
      5,
      'checkpoint_mismatch',
    ],
    [
      "another organization's event, chained correctly",
      chainOf([event('a'), event('b'), foreign]),
      {},
      3,
      'foreign_organization',
    ],
    [
      'a wrong beginning',
      chainOf([event('a')]).map((record) => ({ ...record, prevHash: 'ff'.repeat(32) })),
      {},
      1,
      'prev_hash_mismatch',
    ],
    ['a hash that is not hex', chain.with(4, { ...at(4), hash: 'nonsense' }), {}, 5, 'hash_mismatch'],
  ])('finds %s', (_what, records, options, firstBrokenSeq, reason) => {
    expect(verifyChain(records, options)).toEqual({ ok: false, firstBrokenSeq, reason });
  });

  it('finds a change of any one character of any one event', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.string({ minLength: 1, maxLength: 20 }), (index, reason) => {
        fc.pre(reason !== at(index).event.reason);
        const verdict = verifyChain(chain.with(index, { ...at(index), event: { ...at(index).event, reason } }));
        expect(verdict).toMatchObject({ ok: false, firstBrokenSeq: index + 1 });
      }),
    );
  });
});
