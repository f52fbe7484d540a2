import { Buffer } from 'node:buffer';
import { ExpressionError } from './expression.js';

const MAX_ATTACHMENTS = 50;
const ADDRESSED = ['from', 'to', 'cc', 'bcc'] as const;
const TEXTS = ['subject', 'text', 'html', 'messageId', 'inReplyTo', 'references'] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * An RFC 5322 message. A member may be a text or, for addresses and references, a list of texts; a line break in a header, or
 * anything that is not a text, is refused rather than mended: a message must never have a header or a recipient that was not asked for.
 *
 * @throws ExpressionError
 */
export async function mimeMessage(fields: Fields): Promise<string> {
  const unknown = Object.keys(fields).find((name) => ![...ADDRESSED, ...TEXTS, 'attachments'].includes(name));
  if (unknown !== undefined) throw new ExpressionError('gives $mimeMessage a member that it does not have');
  // Eight megabytes, of which a process has no need until it writes its first message.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const composer = new MailComposer({
    ...Object.fromEntries(ADDRESSED.map((name) => [name, headerOf(fields[name])])),
    subject: headerOf(fields['subject']),
    messageId: headerOf(fields['messageId']),
    inReplyTo: headerOf(fields['inReplyTo']),
    references: headerOf(fields['references'], ' '),
    text: textOf(fields['text']),
    html: textOf(fields['html']),
    attachments: attachmentsOf(fields['attachments']),
    // Content is given, never fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: '\r\n',
  });
  const message = composer.compile();
  message.keepBcc = true;
  return (await message.build()).toString('utf8');
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new ExpressionError('gives $mimeMessage something that is not a text');
  return value;
}

function headerOf(value: unknown, separator = ', '): string | undefined {
  const text = Array.isArray(value) ? value.map((item) => textOf(item) ?? '').join(separator) : textOf(value);
  // RFC 5322 section 2.2: a field ends with CRLF. Control characters have no place in one.
  if (text !== undefined && /\p{Cc}/u.test(text)) throw new ExpressionError('gives $mimeMessage a header of several lines');
  return text === '' ? undefined : text;
}

function attachmentsOf(value: unknown): { filename: string; contentType: string; content: Buffer }[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.length > MAX_ATTACHMENTS) throw new ExpressionError(`gives $mimeMessage more than ${MAX_ATTACHMENTS} attachments`);
  return list.map((attachment: Fields) => {
    const base64 = textOf(attachment['base64']) ?? '';
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64))
      throw new ExpressionError('gives $mimeMessage an attachment that is not base64');
    return {
      filename: headerOf(attachment['filename']) ?? 'attachment',
      contentType: mediaTypeOf(attachment['contentType']),
      content: Buffer.from(base64, 'base64'),
    };
  });
}

function mediaTypeOf(value: unknown): string {
  const type = headerOf(value) ?? 'application/octet-stream';
  if (!/^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w."+-]+)*$/.test(type))
    throw new ExpressionError('gives $mimeMessage a media type that is none');
  return type;
}
