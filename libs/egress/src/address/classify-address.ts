import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * `public`: global unicast. `private`: this machine or its networks, allowed only for origins that the deployment names.
 * `forbidden`: never an API, whoever names it: cloud metadata, link-local, multicast, unspecified, and the tunnels that carry an
 * IPv4 address inside an IPv6 one, where a check of the outer address says nothing.
 */
export type AddressClass = 'public' | 'private' | 'forbidden';

type Range = readonly [address: string, prefix: number];

/** IANA IPv4 special-purpose registry (RFC 6890), and what the clouds use for instance metadata. */
const FORBIDDEN_V4: readonly Range[] = [
  ['0.0.0.0', 8],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.88.99.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
const PRIVATE_V4: readonly Range[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
];
const PRIVATE_V6: readonly Range[] = [
  ['::1', 128],
  ['fc00::', 7],
  ['2001:db8::', 32],
  ['3fff::', 20],
];
/** Inside 2000::/3 or fc00::/7, yet never called: Teredo and other protocol assignments, 6to4, metadata of AWS and GCP. */
const FORBIDDEN_V6: readonly Range[] = [
  ['2001::', 23],
  ['2002::', 16],
  ['fd00:ec2::', 32],
  ['fd20:ce::', 32],
];
/** Everything else in IPv6 is forbidden: v4-mapped, v4-compatible, NAT64 (RFC 6052, 8215), link-local, site-local, multicast. */
const GLOBAL_V6: readonly Range[] = [['2000::', 3]];

function list(ranges: readonly Range[], family: 'ipv4' | 'ipv6'): BlockList {
  const result = new BlockList();
  for (const [address, prefix] of ranges) result.addSubnet(address, prefix, family);
  return result;
}

const forbiddenV4 = list(FORBIDDEN_V4, 'ipv4');
const privateV4 = list(PRIVATE_V4, 'ipv4');
const forbiddenV6 = list(FORBIDDEN_V6, 'ipv6');
const privateV6 = list(PRIVATE_V6, 'ipv6');
const globalV6 = list(GLOBAL_V6, 'ipv6');

/** @param address as the resolver or the socket gives it: numeric, without brackets. Anything else is forbidden. */
export function classifyAddress(address: string): AddressClass {
  if (isIPv4(address)) {
    if (forbiddenV4.check(address)) return 'forbidden';
    return privateV4.check(address) ? 'private' : 'public';
  }
  if (!isIPv6(address) || address.includes('%') || forbiddenV6.check(address, 'ipv6')) return 'forbidden';
  if (privateV6.check(address, 'ipv6')) return 'private';
  return globalV6.check(address, 'ipv6') ? 'public' : 'forbidden';
}
