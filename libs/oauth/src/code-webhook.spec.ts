import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { testProvider } from '../test/provider.js';
import { readCallback } from './callback.js';
import { readCodeWebhook } from './code-webhook.js';

const client = { clientId: 'c', clientSecret: 'webhook-secret' };
const webhook = (encoding: string) => ({
  code: '/data/code',
  correlation: { body: '/data/id', callback: 'installationId' },
  signature: { header: 'X-Signature', encoding },
});
const provider = testProvider({ auth: { callback: { webhook: webhook('hex') } } });
const body = Buffer.from('{"data":{"code":"c-1","id":"i-1"}}');
const sign = (bytes: Uint8Array, secret = client.clientSecret, encoding: 'hex' | 'base64' = 'hex') =>
  createHmac('sha256', secret).update(bytes).digest(encoding);
const read = (headers: Record<string, string | string[] | undefined>, raw: Uint8Array = body) =>
  readCodeWebhook(provider, client, headers, raw);

describe('readCodeWebhook', () => {
  it('gives code and correlation of a webhook that the client secret has signed', () => {
    expect(read({ 'x-signature': sign(body) })).toEqual({ code: 'c-1', correlation: 'i-1' });
  });

  it('reads the signature in the encoding of the manifest', () => {
    const base64 = testProvider({ auth: { callback: { webhook: webhook('base64') } } });
    const headers = { 'x-signature': sign(body, client.clientSecret, 'base64') };
    expect(readCodeWebhook(base64, client, headers, body).code).toBe('c-1');
  });

  it.each([
    ['no signature', {}],
    ['an empty one', { 'x-signature': '' }],
    ['one by another secret', { 'x-signature': sign(body, 'other') }],
    ['one of another body', { 'x-signature': sign(Buffer.from('{}')) }],
    ['a shortened one', { 'x-signature': sign(body).slice(0, 32) }],
    ['one with something behind it', { 'x-signature': `${sign(body)}zz` }],
    ['several', { 'x-signature': [sign(body), sign(body)] }],
  ])('refuses %s', (_name, headers) => {
    expect(() => read(headers)).toThrow(/signature/);
  });

  it.each([
    '{}',
    'null',
    '[]',
    '{"data":{"code":7}}',
    '{"data":{"code":"a\\u0000b","id":"i"}}',
    '{"data":',
    '{"data":{"code":"c","id":{}}}',
  ])('refuses the signed body %s', (text) => {
    const raw = Buffer.from(text);
    expect(() => read({ 'x-signature': sign(raw) }, raw)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('is not taken from a provider that sends none', () => {
    expect(() => readCodeWebhook(testProvider(), client, { 'x-signature': sign(body) }, body)).toThrow(/sends none/);
  });
});

describe('a redirect whose code comes by webhook', () => {
  it('waits for the webhook of the same correlation', () => {
    const query = new URLSearchParams('installationId=i-1&state=s');
    expect(readCallback(provider, client, query, 's')).toEqual({ kind: 'awaiting_webhook', correlation: 'i-1', captured: {} });
  });

  it.each(['state=s', 'installationId=&state=s', 'installationId=i-1&state=other', 'installationId=a&installationId=b&state=s'])(
    'refuses %s',
    (query) => {
      expect(() => readCallback(provider, client, new URLSearchParams(query), 's')).toThrow(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    },
  );
});
