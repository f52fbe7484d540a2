import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { classifyAddress } from './classify-address.js';

describe('an address is', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::5e'])(
    'public: %s',
    (address) => {
      expect(classifyAddress(address)).toBe('public');
    },
  );

  it.each([
    '10.0.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '198.18.0.1',
    '203.0.113.7',
    '::1',
    'fc00::1',
    'fdff::1',
    '2001:db8::1',
    '3fff::1',
  ])('private: %s', (address) => {
    expect(classifyAddress(address)).toBe('private');
  });

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.0.1',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '192.88.99.1',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:0:53aa:64c::',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    '100::1',
    '',
    'localhost',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '127.1',
    '[::1]',
  ])('forbidden: %j', (address) => {
    expect(classifyAddress(address)).toBe('forbidden');
  });

  it('never public when an IPv4 address hides in an IPv6 one', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom('::ffff:', '::', '64:ff9b::'), (inner, prefix) => {
        expect(classifyAddress(prefix + inner)).not.toBe('public');
      }),
    );
  });
});
