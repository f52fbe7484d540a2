import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

const WITH_PORT = /^(?:\[([^\]]*)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/;
const IPV4_IN_IPV6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What one client is told from another by. Each trusted proxy appended the address it saw; what stands further left is the client's
 * own claim. Of IPv6 it is the network: whoever has one address has all 2^64 of it (RFC 6177). Some proxies append the port.
 */
export function clientAddress(request: Pick<IncomingMessage, 'headers' | 'socket'>, trustedProxies: number): string {
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const seen = trustedProxies > 0 ? forwarded.at(-trustedProxies) : undefined;
  return clientOf(seen ?? request.socket.remoteAddress ?? 'unknown');
}

function clientOf(seen: string): string {
  const [, bracketed, plain] = WITH_PORT.exec(seen) ?? [];
  const address = bracketed ?? plain ?? seen;
  if (!isIPv6(address)) return address;
  return IPV4_IN_IPV6.exec(address)?.[1] ?? networkOf(address);
}

function networkOf(address: string): string {
  const [left = [], right] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Math.max(0, 8 - left.length - (right?.length ?? 8));
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...(right ?? [])];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
