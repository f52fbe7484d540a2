import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { adfOf } from './adf.js';
import { mimeMessage } from './mime-message.js';

/** Header fields of a message, unfolded (RFC 5322 section 2.2.3), and what comes after them. */
function parsed(message: string): { names: string[]; fields: Map<string, string>; body: string } {
  const end = message.indexOf('\r\n\r\n');
  const lines = message
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const pairs = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)] as const);
  return { names: pairs.map(([name]) => name).sort(), fields: new Map(pairs), body: message.slice(end + 4) };
}

const MADE = ['content-transfer-encoding', 'content-type', 'date', 'message-id', 'mime-version'];

describe('$mimeMessage', () => {
  it('writes text, HTML, recipients, thread and attachments', async () => {
    const message = await mimeMessage({
      from: 'Ada <ada@acme.example>',
      to: ['bob@acme.example', 'Zoë <zoe@acme.example>'],
      cc: 'cy@acme.example',
      bcc: 'di@acme.example',
      subject: 'Grüße',
      text: 'plain ü',
      html: '<p>rich</p>',
      messageId: '<1@keyward>',
      inReplyTo: '<0@acme.example>',
      references: ['<-1@acme.example>', '<0@acme.example>'],
      attachments: [{ filename: 'a.txt', contentType: 'text/plain', base64: 'aGVsbG8=' }],
    });
    const { fields, body } = parsed(message);
    expect(Object.fromEntries(fields)).toMatchObject({
      from: 'Ada <ada@acme.example>',
      to: expect.stringMatching(/^bob@acme\.example, =\?UTF-8\?.*<zoe@acme\.example>$/),
      cc: 'cy@acme.example',
      bcc: 'di@acme.example',
      'message-id': '<1@keyward>',
      'in-reply-to': '<0@acme.example>',
      references: '<-1@acme.example> <0@acme.example>',
      'content-type': expect.stringContaining('multipart/mixed'),
    });
    expect(fields.get('subject')).toMatch(/^=\?UTF-8\?/);
    expect(body).toContain('<p>rich</p>');
    expect(body).toContain('aGVsbG8=');
    expect(body).toContain('filename=a.txt');
  });

  it.each<[string, object]>([
    ['a line break in the subject', { subject: 'a\r\nBcc: evil@acme.example' }],
    ['one in a recipient', { to: 'a@acme.example\nBcc: evil@acme.example' }],
    ['one in a list of recipients', { to: ['a@acme.example', 'b@acme.example\r\nX: y'] }],
    ['one in the thread', { inReplyTo: '<a>\rX: y' }],
    ['a NUL', { subject: 'a\0b' }],
    ['one in a file name', { attachments: [{ filename: 'a\r\nX: y', base64: '' }] }],
    ['one in a media type', { attachments: [{ filename: 'a', contentType: 'text/plain\r\nX: y', base64: '' }] }],
    ['a file of ours as text', { text: { path: '/etc/passwd' } }],
    ['an address of ours as HTML', { html: { href: 'http://169.254.169.254/' } }],
    ['an attachment that is not base64', { attachments: [{ filename: 'a', base64: 'file:///etc/passwd' }] }],
    ['a member that there is not', { headers: { 'X-A': 'b' } }],
    ['a raw message', { raw: 'X: y\r\n\r\n' }],
    ['too many attachments', { attachments: new Array(51).fill({ filename: 'a', base64: '' }) }],
  ])('refuses %s', async (_what, fields) => {
    await expect(mimeMessage(fields as Record<string, unknown>)).rejects.toThrow('$mimeMessage');
  });

  it('never has a header that was not asked for, whatever the texts', async () => {
    const nasty = fc.string({
      unit: fc.oneof(
        fc.constantFrom('\r', '\n', ':', ' ', ',', '<', '>', '"', '=?', '?='),
        fc.string({ unit: 'binary', maxLength: 3 }),
      ),
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(nasty, nasty, nasty, async (subject, text, filename) => {
        const message = await mimeMessage({ to: 'a@acme.example', subject, text, attachments: [] }).catch(() => undefined);
        if (message !== undefined) expect(MADE.concat('to', 'subject')).toEqual(expect.arrayContaining(parsed(message).names));
        const file = await mimeMessage({ attachments: [{ filename, base64: '' }] }).catch(() => undefined);
        if (file !== undefined) expect(file).not.toMatch(/^\r?\n?(?:bcc|x-)/im);
      }),
      { numRuns: 200 },
    );
  });
});

describe('$markdownToAdf', () => {
  it('makes paragraphs of what stands apart by an empty line, and keeps line breaks', () => {
    expect(adfOf('one\ntwo\n\n\n three ')).toEqual({
      type: 'doc',
      version: 1,
      content: [
        { type: 'paragraph', content: [{ type: 'text', text: 'one' }, { type: 'hardBreak' }, { type: 'text', text: 'two' }] },
        { type: 'paragraph', content: [{ type: 'text', text: 'three' }] },
      ],
    });
    expect(adfOf('')).toEqual({ type: 'doc', version: 1, content: [] });
  });
});
