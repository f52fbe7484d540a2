import { describe, expect, it } from '@jest/globals';
import { auditEventSchema, newId } from '@keyward/contracts';
import fc from 'fast-check';
import { AUDIT_BOUNDS, buildAuditEvent, parseAuditEvent, type AuditEventFields } from './audit-event.js';

const FIELDS: AuditEventFields = {
  type: 'execution.completed',
  org: newId('org'),
  actor: { kind: 'agent', id: 'agt_1' },
  traceId: '0123456789abcdef0123456789abcdef',
};
const NOW = new Date('2026-03-04T05:06:07.089Z');

/** Any UTF-16, lone surrogates included, with the characters that matter made likely. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 700 }),
  fc.string({
    unit: fc.constantFrom('\u0000', '\n', '\u001b', '\u007f', '\u0085', '\u202e', '\u2066', '\u200b', '\ufeff', '\\', 'x'),
    maxLength: 300,
  }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 }).map((units) => String.fromCharCode(...units)),
);

describe('buildAuditEvent', () => {
  it('adds id, version and time, and leaves out what is not known', () => {
    const event = buildAuditEvent({ ...FIELDS, agent: undefined, durationMs: 1.25, scopes: ['a b'] }, NOW);
    expect(event).toEqual({
      ...FIELDS,
      id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
      version: 1,
      at: '2026-03-04T05:06:07.089Z',
      durationMs: 1.25,
      scopes: ['a b'],
    });
    expect(Object.keys(event)).not.toContain('agent');
  });

  it.each([
    ['NUL', 'a\u0000b', 'a\\u{0}b'],
    ['a line feed, with which a log line could be forged', 'a\nINFO all is well', 'a\\u{a}INFO all is well'],
    ['an escape sequence', '\u001b[2J', '\\u{1b}[2J'],
    ['DEL and C1 controls', '\u007f\u009b', '\\u{7f}\\u{9b}'],
    ['a right-to-left override', 'user\u202egnp.exe', 'user\\u{202e}gnp.exe'],
    ['an isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['a zero-width space', 'ad\u200bmin', 'ad\\u{200b}min'],
    ['a byte order mark', '\ufeffx', '\\u{feff}x'],
    ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['a lone surrogate', 'x\ud800y', 'x\\u{d800}y'],
    ['a tag character beyond the BMP', '\u{e0041}', '\\u{e0041}'],
    ['a backslash, so that nothing can pass for an escape', '\\u{a}', '\\\\u{a}'],
    ['nothing in ordinary text', 'Ada Lovelace – ä 日本 🙂', 'Ada Lovelace – ä 日本 🙂'],
  ])('escapes %s', (_what, text, stored) => {
    const event = buildAuditEvent(
      { ...FIELDS, reason: text, user: text, scopes: [text], actor: { kind: 'user', id: text } },
      NOW,
    );
    expect([event.reason, event.user, event.scopes?.[0], event.actor.id]).toEqual([stored, stored, stored, stored]);
  });

  it('cuts what is too long, and says so', () => {
    const event = buildAuditEvent({
      ...FIELDS,
      reason: 'r'.repeat(5000),
      tool: 't'.repeat(5000),
      scopes: Array<string>(500).fill('s'.repeat(500)),
    });
    expect(event.reason).toBe(`${'r'.repeat(AUDIT_BOUNDS.reason - 1)}…`);
    expect(event.tool).toHaveLength(AUDIT_BOUNDS.identifier);
    expect(event.scopes).toHaveLength(AUDIT_BOUNDS.scopes);
    expect(event.scopes?.[0]).toHaveLength(AUDIT_BOUNDS.scope);
  });

  it('never cuts a character in half', () => {
    expect(buildAuditEvent({ ...FIELDS, reason: '🙂'.repeat(400) }).reason?.isWellFormed()).toBe(true);
  });

  it('refuses a field of the wrong shape', () => {
    expect(() => buildAuditEvent({ ...FIELDS, org: 'acme' })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => buildAuditEvent({ ...FIELDS, traceId: 'x' })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => buildAuditEvent({ ...FIELDS, durationMs: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('whatever the text, makes an event that is valid, bounded, printable, and survives JSON', () => {
    fc.assert(
      fc.property(hostileText, hostileText, fc.array(hostileText, { maxLength: 5 }), (reason, name, scopes) => {
        const event = buildAuditEvent({ ...FIELDS, reason, user: name, agent: name, actor: { kind: 'agent', id: name }, scopes });
        expect(auditEventSchema.safeParse(event).success).toBe(true);
        expect(JSON.stringify(event)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        const travelled: unknown = JSON.parse(JSON.stringify(event));
        expect(parseAuditEvent(travelled)).toEqual(event);
      }),
    );
  });

  it('escapes different texts differently', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 15 }), fc.string({ unit: 'binary', maxLength: 15 }), (a, b) => {
        const stored = (reason: string) => buildAuditEvent({ ...FIELDS, reason }).reason;
        expect(stored(a) === stored(b)).toBe(a === b);
      }),
    );
  });
});

describe('parseAuditEvent', () => {
  const event = buildAuditEvent({ ...FIELDS, reason: 'ok', scopes: ['s'] }, NOW);

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', []],
    ['a missing field', { ...event, org: undefined }],
    ['another version', { ...event, version: 2 }],
    ['an unknown type', { ...event, type: 'made.up' }],
    ['a control character', { ...event, reason: 'a\nb' }],
    ['NUL in a scope', { ...event, scopes: ['a\u0000'] }],
    ['a lone surrogate in the actor', { ...event, actor: { kind: 'agent', id: '\ud800' } }],
    ['an overlong identifier', { ...event, agent: 'x'.repeat(201) }],
    ['too many scopes', { ...event, scopes: Array<string>(101).fill('x') }],
    ['a time with microseconds', { ...event, at: '2026-03-04T05:06:07.089123Z' }],
    ['a time without milliseconds', { ...event, at: '2026-03-04T05:06:07Z' }],
    ['a time that does not exist', { ...event, at: '2026-02-31T05:06:07.089Z' }],
    ['a number that JSON has no name for', { ...event, durationMs: Number.POSITIVE_INFINITY }],
  ])('refuses %s', (_what, value) => {
    expect(() => parseAuditEvent(value)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('drops members that it does not know', () => {
    expect(parseAuditEvent({ ...event, token: 'secret' })).toEqual(event);
  });
});
