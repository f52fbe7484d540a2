import { describe, expect, it } from '@jest/globals';
import { toldOriginSchema } from '../manifest/template.js';
import { addressTold } from './address.js';

const provider = {
  origins: ['https://api.acme.example'],
  told_origins: ['https://files.acme.example', 'https://*.drive.example'],
};

describe('an address that the provider told', () => {
  it.each([
    'https://api.acme.example/a?b=c',
    'https://files.acme.example/1',
    'https://tenant.drive.example/1',
    'https://a.b.drive.example/1',
  ])('leads where the connector says: %s', (url) => {
    expect(addressTold(url, provider, [])).toBe(url);
  });

  it.each([
    'https://drive.example/1',
    'https://evildrive.example/1',
    'https://tenant.drive.example.evil.example/1',
    'https://tenant.drive.example:8443/1',
    'http://tenant.drive.example/1',
    'https://tenant.drive.example@evil.example/1',
    'https://user@tenant.drive.example/1',
    'https://evil.example/.drive.example',
    'https://evil.example#.drive.example',
    'https://files.acme.example.evil.example/1',
    'file:///etc/passwd',
    'not an address',
    7,
  ])('leads nowhere else: %j', (url) => {
    expect(() => addressTold(url, provider, [])).toThrow(expect.objectContaining({ code: 'egress_denied' }));
  });
});

describe('where a told address may lead', () => {
  it.each(['https://files.acme.example', 'https://*.acme.example', 'https://*.a.acme.example'])('can be %s', (origin) => {
    expect(toldOriginSchema.safeParse(origin).success).toBe(true);
  });

  it.each([
    'https://*',
    'https://*.example',
    'https://*.*.example',
    'https://a*.acme.example',
    'https://a.*.example',
    '*.acme.example',
    'http://*.acme.example',
    'https://*.acme.example/',
    'https://*.acme.example/x',
  ])('can not be %s', (origin) => {
    expect(toldOriginSchema.safeParse(origin).success).toBe(false);
  });
});
