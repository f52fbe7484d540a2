import { expect, it } from '@jest/globals';
import { clientAddress } from './client-address.js';

const address = (forwarded: string | string[] | undefined, trustedProxies: number) =>
  clientAddress({ headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress: '10.0.0.1' } } as never, trustedProxies);

it.each([
  ['1.1.1.1', 0, '10.0.0.1'],
  [undefined, 1, '10.0.0.1'],
  ['', 1, '10.0.0.1'],
  ['1.1.1.1', 1, '1.1.1.1'],
  ['spoofed, 1.1.1.1', 1, '1.1.1.1'],
  ['spoofed, 1.1.1.1, 10.0.0.2', 2, '1.1.1.1'],
  ['1.1.1.1', 2, '10.0.0.1'],
  [['spoofed', '1.1.1.1'], 1, '1.1.1.1'],
])('X-Forwarded-For %j behind %i trusted proxies is %s', (forwarded, trustedProxies, expected) => {
  expect(address(forwarded, trustedProxies)).toBe(expected);
});

it.each([
  ['203.0.113.7:52011', '203.0.113.7'],
  ['[2001:db8:1:2:3::4]:443', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
  ['no address', 'no address'],
])('%s counts as %s: neither another port nor another address of the same network is another client', (seen, expected) => {
  expect(address(seen, 1)).toBe(expected);
});
