import { describe, expect, it } from '@jest/globals';
import { testProvider } from '../../test/provider.js';
import { fill, fillUrl, type LateValues } from './fill.js';

const provider = testProvider();
const values: LateValues = {
  client: { clientId: 'id/1', clientSecret: 's&1', parameters: { tenant: 't 1' } },
  accessToken: 'at?1',
  captured: { host: 'https://eu.example', region: 'eu' },
};

describe('late references', () => {
  it.each([
    ['${client.id}', 'id/1'],
    ['Bearer ${token.access_token}', 'Bearer at?1'],
    ['${app.tenant}-${client.secret}', 't 1-s&1'],
    ['$x ${ {client.id}', '$x ${ {client.id}'],
  ])('%s in a parameter is %s', (text, filled) => {
    expect(fill(provider, text, values)).toBe(filled);
  });

  it.each([
    ['https://a.example/${client.id}/x', 'https://a.example/id%2F1/x'],
    ['https://a.example/?t=${token.access_token}', 'https://a.example/?t=at%3F1'],
    ['${connection.host}/token', 'https://eu.example/token'],
    ['https://a.example/${connection.host}', 'https://a.example/https%3A%2F%2Feu.example'],
    ['https://${connection.region}.a.example/', 'https://eu.a.example/'],
  ])('%s in an address is %s', (url, filled) => {
    expect(fillUrl(provider, url, values)).toBe(filled);
  });

  it.each([
    '${token.refresh_token}',
    '${token.other}',
    '${app.none}',
    '${app.constructor}',
    '${secret}',
    '${key.fingerprint_sha256}',
  ])('%s has no value here, and nothing is sent', (text) => {
    for (const attempt of [() => fill(provider, text, values), () => fillUrl(provider, `https://a.example/${text}`, values)]) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });
});
