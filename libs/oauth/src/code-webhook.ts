import { createHmac, timingSafeEqual } from 'node:crypto';
import { KeywardError, parseBoundedJson, valueAt } from '@keyward/contracts';
import type { ProviderManifest } from '@keyward/connectors';
import { codeProvider } from './server.js';
import type { OAuthClient } from './wire.js';

export interface CodeWebhook {
  /** What the redirect of the same authorization says too. */
  correlation: string;
  code: string;
}

const BOUNDS = { maxBytes: 65_536, maxDepth: 16 };

const refuse = (reason: string) => new KeywardError('invalid_request', `The webhook is not valid: ${reason}.`);

/**
 * Reads an authorization code that a provider sends by a webhook. Signed over the raw body with the client secret; nothing of the
 * body is looked at before that holds.
 * @param headers as Node gives them, names in lower case
 * @throws KeywardError `invalid_request`, `request_too_large`
 */
export function readCodeWebhook(
  provider: ProviderManifest,
  client: OAuthClient,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  rawBody: Uint8Array,
): CodeWebhook {
  const { webhook } = codeProvider(provider).auth.callback;
  if (webhook === undefined) throw refuse(`${provider.title} sends none`);
  if (client.clientSecret === undefined) throw refuse('the registration has no secret to check it with');
  const { header, encoding } = webhook.signature;
  const expected = createHmac('sha256', client.clientSecret).update(rawBody).digest();
  const stated = headers[header];
  if (typeof stated !== 'string' || !isSame(expected, decoded(stated, encoding))) throw refuse('its signature does not hold');
  const body = parseBoundedJson(rawBody, BOUNDS);
  const [correlation, code] = [webhook.correlation.body, webhook.code].map((pointer) => textAt(body, pointer));
  if (correlation === undefined || code === undefined) throw refuse('it holds no code');
  return { correlation, code };
}

/** Only what is written exactly as the encoding writes it: Buffer.from skips what it does not know. */
function decoded(text: string, encoding: 'hex' | 'base64'): Buffer {
  const bytes = Buffer.from(text, encoding);
  const again = bytes.toString(encoding);
  return again === (encoding === 'hex' ? text.toLowerCase() : text) ? bytes : Buffer.alloc(0);
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function textAt(body: unknown, pointer: string): string | undefined {
  const value = valueAt(body, pointer);
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^[\x21-\x7e]{1,8192}$/.test(text) ? text : undefined;
}
