import type { IncomingMessage } from 'node:http';

/** Each trusted proxy appended the address it saw; what stands further left is the client's own claim. */
export function clientAddress(request: Pick<IncomingMessage, 'headers' | 'socket'>, trustedProxies: number): string {
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const seen = trustedProxies > 0 ? forwarded.at(-trustedProxies) : undefined;
  return seen ?? request.socket.remoteAddress ?? 'unknown';
}
