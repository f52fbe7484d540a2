import { isIP } from 'node:net';
import { KeywardError } from '@keyward/contracts';
import { classifyAddress } from '@keyward/egress';

/**
 * Where messages may go: https to anywhere that egress lets through, http only where nobody is in between because the deployment says so.
 * A name that leads to a private address is found out when it is called, by egress, each time anew.
 * @param privateOrigins those that the deployment lets egress reach
 * @returns what is wrong with it, for people
 */
export function wrongWithUrl(text: string, privateOrigins: readonly string[]): string | undefined {
  const url = URL.parse(text);
  if (!/^[\x21-\x7e]+$/.test(text)) return 'must be written as RFC 3986 has it: in ASCII, without spaces';
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return 'must be an https URL';
  if (url.username !== '' || url.password !== '') return 'must have no user information';
  if (text.includes('#')) return 'must have no fragment';
  if (privateOrigins.includes(url.origin)) return undefined;
  if (url.protocol === 'http:') return 'must be an https URL; http only where the deployment names the origin as a private one';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && classifyAddress(host) !== 'public') return 'must not be an address of this machine or its networks';
  return undefined;
}

/** @throws KeywardError `invalid_request` */
export function requireEndpointUrl(text: string, privateOrigins: readonly string[]): void {
  const detail = wrongWithUrl(text, privateOrigins);
  if (detail === undefined) return;
  throw new KeywardError('invalid_request', `This can not be a webhook endpoint (/url: ${detail}).`, {
    details: { errors: [{ pointer: '/url', detail }] },
  });
}
