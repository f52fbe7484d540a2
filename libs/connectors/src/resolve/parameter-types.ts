import type { AppParameter } from '../manifest/parameters.js';

/** Whether the value can be what the manifest says it is, wherever in an address it is put. */
type ParameterType = AppParameter['type'];

const MAX_LENGTH = 253;
/** RFC 1123 section 2.1. Lower case: hosts are compared as texts, and what was read must be what is asked. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const IDENTIFIER = /^(?!\.+$)[A-Za-z0-9_.~-]{1,200}$/;
const EMAIL = /^[A-Za-z0-9!#$&'*+=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$&'*+=?^_`{|}~-]+)*@(?<host>[a-z0-9.-]{1,253})$/;
/** Names that mean this machine or this network, whatever the resolver says. */
const LOCAL = /(?:^|\.)(?:localhost|local|internal|localdomain|home\.arpa)$/;
const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

export interface Surroundings {
  /** The manifest's own addresses are on this machine: those of its parameters may be too. */
  loopback: boolean;
}

const checks: Record<ParameterType, (value: string, around: Surroundings) => boolean> = {
  label: isLabel,
  hostname: (value, { loopback }) => isPublicHostname(value) || (loopback && LOOPBACK.test(value)),
  origin: isOrigin,
  identifier: (value) => IDENTIFIER.test(value),
  email: isEmail,
};

const DESCRIPTIONS: Record<ParameterType, string> = {
  label: 'must be one part of a host name: a-z, 0-9 and hyphens',
  hostname: 'must be a full host name such as acme.example.com, without scheme, port or path',
  origin: 'must be https:// and a full host name, without path or trailing slash',
  identifier: 'must be A-Z a-z 0-9 _ . ~ - and not dots alone',
  email: 'must be an e-mail address',
};

/** Host names are the same in any case: people may write them as they like. */
export function normalise(type: ParameterType, value: string): string {
  return type === 'label' || type === 'hostname' || type === 'origin' ? value.toLowerCase() : value;
}

/** @returns what is wrong with the value, undefined where nothing is */
export function problemOf(declared: AppParameter, value: string, around: Surroundings): string | undefined {
  const { type, one_of: choices, host_suffixes: suffixes } = declared;
  if (value.length > MAX_LENGTH) return `must not be longer than ${MAX_LENGTH} characters`;
  if (choices !== undefined && !choices.includes(value)) return `must be one of ${choices.join(', ').slice(0, 300)}`;
  // A value that looks like a reference would be filled with what it names when the manifest is used.
  if (!checks[type](value, around) || value.includes('${')) return DESCRIPTIONS[type];
  if (suffixes === undefined || (type !== 'hostname' && type !== 'origin')) return undefined;
  const host = type === 'origin' ? new URL(value).hostname : value;
  // Something must stand before the suffix: `.acme.com` alone is no host of anybody's.
  const fits = suffixes.some((suffix) => host.endsWith(suffix) && host.length > suffix.length);
  return fits ? undefined : `must end with ${suffixes.join(' or ').slice(0, 300)}`;
}

function isLabel(value: string): boolean {
  return LABEL.test(value) && URL.canParse(`https://${value}.example`);
}

/** At least two labels and no IP address: the parser turns 0x7f.1, 2130706433 and 1.2.3.4 into addresses, which its output shows. */
function isPublicHostname(value: string): boolean {
  const labels = value.split('.');
  if (value.length > MAX_LENGTH || labels.length < 2 || !labels.every((label) => LABEL.test(label))) return false;
  if (LOCAL.test(value) || !/[a-z]/.test(labels.at(-1) as string) || !URL.canParse(`https://${value}`)) return false;
  const parsed = new URL(`https://${value}`).hostname;
  return parsed === value && !/^[\d.]+$/.test(parsed);
}

function isOrigin(value: string, { loopback }: Surroundings): boolean {
  if (!/^[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false;
  const url = new URL(value);
  if (url.origin !== value) return false;
  if (url.protocol === 'https:' && isPublicHostname(url.hostname)) return true;
  return loopback && /^https?:$/.test(url.protocol) && LOOPBACK.test(url.hostname);
}

function isEmail(value: string): boolean {
  const host = EMAIL.exec(value)?.groups?.['host'];
  return host !== undefined && isPublicHostname(host);
}
