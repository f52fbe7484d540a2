import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newId } from '@keyward/contracts';
import { buildAuditEvent, parseAuditEvent } from './audit-event.js';
import { ARGUMENT_BOUNDS, recordedArguments } from './recorded-arguments.js';

const NO_SCHEMA = { schema: {} };

function eventWith(args: Record<string, unknown>, sensitive: string[], schema: Record<string, unknown> = {}) {
  return buildAuditEvent({
    ...{ type: 'execution.completed', org: newId('org'), actor: { kind: 'agent', id: newId('agt') }, traceId: '0'.repeat(32) },
    arguments: recordedArguments(args, { sensitive, schema }),
  });
}

/** Every pointer of a document. */
function pointersOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  const inside = Object.entries(value).flatMap(([name, member]) =>
    pointersOf(member, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
  return at === '' ? inside : [at, ...inside];
}

describe('recorded arguments', () => {
  it('never show what the tool calls sensitive, wherever it stands', () => {
    // As long as what is shown in full, and so odd that it stands nowhere by chance.
    const secrets = fc.string({ minLength: 12, maxLength: 40 }).map((text) => `s3cr3t:${text}:t3rc3s`);
    const leaf = fc.oneof(secrets, fc.integer(), fc.boolean(), fc.constant(null));
    const members = fc.dictionary(fc.string({ maxLength: 6 }), fc.oneof(leaf, fc.array(leaf, { maxLength: 3 })), { maxKeys: 4 });
    const documents = fc.dictionary(fc.string({ minLength: 1, maxLength: 6 }), fc.oneof(leaf, members), {
      minKeys: 1,
      maxKeys: 6,
    });
    fc.assert(
      fc.property(documents, fc.infiniteStream(fc.boolean()), (args, choice) => {
        const sensitive = pointersOf(args).filter(() => choice.next().value === true);
        const isHidden = (pointer: string) => sensitive.some((each) => pointer === each || pointer.startsWith(`${each}/`));
        const hidden = pointersOf(args).filter(isHidden);
        const shown = JSON.stringify(eventWith(args, sensitive));
        const textAt = (pointer: string) =>
          pointer
            .split('/')
            .slice(1)
            .reduce<unknown>(
              (value, token) => (value as never)[token.replaceAll('~1', '/').replaceAll('~0', '~') as never],
              args,
            );
        for (const pointer of hidden) {
          const text = textAt(pointer);
          const isElsewhere = pointersOf(args).some((other) => !isHidden(other) && textAt(other) === text);
          if (typeof text === 'string' && !isElsewhere) expect(shown).not.toContain(JSON.stringify(text).slice(1, -1));
        }
      }),
    );
  });

  it('are events that the trail takes, whatever an agent sends', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary', maxLength: 20 }), fc.jsonValue({ maxDepth: 5 }), { maxKeys: 20 }),
        (args) => {
          const event = eventWith(args, []);
          expect(parseAuditEvent(JSON.parse(JSON.stringify(event)))).toEqual(event);
          expect(Buffer.byteLength(JSON.stringify(event.arguments))).toBeLessThanOrEqual(ARGUMENT_BOUNDS.bytes);
        },
      ),
    );
  });

  it('show short texts, numbers and structure, and of long texts the length', () => {
    const args = { channel: 'C1', count: 3, deep: { flag: true, none: null, list: ['a', 'b'] }, text: 'x'.repeat(201) };
    expect(recordedArguments(args, { sensitive: [], ...NO_SCHEMA })).toEqual({ ...args, text: '[201 characters]' });
  });

  it('never show encoded content, declared or not', () => {
    const schema = {
      properties: {
        file: { contentEncoding: 'base64' },
        files: { items: { properties: { data: { contentMediaType: 'image/png' } } } },
      },
    };
    const bytes = Buffer.from('a picture').toString('base64');
    const args = { file: bytes, files: [{ data: bytes }], other: Buffer.alloc(60, 'y').toString('base64') };
    expect(recordedArguments(args, { sensitive: [], schema })).toEqual({
      ...{ file: '[12 characters]', files: [{ data: '[12 characters]' }], other: '[80 characters]' },
    });
  });

  it('are left out where they are more than 4 KB, and say how much', () => {
    const args = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`argument_${index}`, 'x y'.repeat(40)]));
    expect(recordedArguments(args, { sensitive: [], ...NO_SCHEMA })).toEqual({ omitted: expect.stringMatching(/^\d{5} bytes$/) });
  });

  it('escape what would harm a reader, in names too', () => {
    expect(recordedArguments({ 'a\u202Eb': 'c\u001b[2Jd' }, { sensitive: [], ...NO_SCHEMA })).toEqual({
      'a\\u{202e}b': 'c\\u{1b}[2Jd',
    });
  });

  it('are refused of an event from the bus that holds them otherwise', () => {
    const event = eventWith({ channel: 'C1' }, []);
    expect(() => parseAuditEvent({ ...event, arguments: { channel: 'C\u0007' } })).toThrow('arguments');
    expect(() => parseAuditEvent({ ...event, arguments: { text: 'x'.repeat(5_000) } })).toThrow('arguments');
  });
});
