import { ownUrl } from './own-path.js';
import type { Purpose } from './sign-in.js';

/** S256 of a verifier: 32 bytes as base64url (RFC 7636 section 4.2). */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
/** Ports that a program of a person can listen on. */
const PORT = /^[1-9][0-9]{3,4}$/;

/** @returns undefined where the link asks for what may not be: another site, or a command line without a port and a challenge of its own */
export function purposeOf(query: URLSearchParams, publicUrl: string): Purpose | undefined {
  const names = [...query.keys()];
  if (new Set(names).size !== names.length) return undefined;
  const [path, port, challenge] = [query.get('return'), query.get('cli'), query.get('challenge')];
  if (port !== null || challenge !== null) return path === null ? forCli(port ?? '', challenge ?? '') : undefined;
  if (path === null) return {};
  const returnTo = ownUrl(path, publicUrl);
  return returnTo === undefined ? undefined : { returnTo };
}

function forCli(port: string, challenge: string): Purpose | undefined {
  const isPort = PORT.test(port) && Number(port) >= 1024 && Number(port) <= 65_535;
  return isPort && CHALLENGE.test(challenge) ? { cli: { port: Number(port), challenge } } : undefined;
}
