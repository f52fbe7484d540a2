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
