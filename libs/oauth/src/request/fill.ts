import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '@keyward/connectors';
import type { OAuthClient } from '../wire.js';

/** What the late references of a manifest stand for while tokens are asked for. */
export interface LateValues {
  client: OAuthClient;
  accessToken?: string | undefined;
  refreshToken?: string | undefined;
  /** Connection parameters that an answer before has brought; all others are in the resolved manifest already. */
  captured?: Readonly<Record<string, string>> | undefined;
}

/** Also those that have no value here, such as the secret of a connection: they are refused, not sent as they stand. */
const REFERENCE = /\$\{([a-z]+)(?:\.([a-z][a-z0-9_]*))?\}/g;

/** Fills what stands in a parameter or header. @throws KeywardError `invalid_request` where a value is missing; it is named, never quoted */
export function fill(provider: ProviderManifest, text: string, values: LateValues): string {
  return text.replace(REFERENCE, (_all, space: string, name = '') => {
    const value = valueOf(space, name, values);
    if (value === undefined) throw missing(provider, space, name);
    return value;
  });
}

/** Fills a URL. A value becomes one segment or value of it; only what it begins with is an origin, by its declared type. */
export function fillUrl(provider: ProviderManifest, url: string, values: LateValues): string {
  return url.replace(REFERENCE, (_all, space: string, name: string | undefined, at: number) => {
    const value = valueOf(space, name ?? '', values);
    if (value === undefined || value === '.' || value === '..') throw missing(provider, space, name);
    return at === 0 && space === 'connection' ? value : encodeURIComponent(value);
  });
}

export function fillAll(
  provider: ProviderManifest,
  texts: Readonly<Record<string, string>>,
  values: LateValues,
): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(provider, text, values)]));
}

function valueOf(space: string, name: string, values: LateValues): string | undefined {
  switch (`${space}.${name}`) {
    case 'client.id':
      return values.client.clientId;
    case 'client.secret':
      return values.client.clientSecret;
    case 'token.access_token':
      return values.accessToken;
    case 'token.refresh_token':
      return values.refreshToken;
  }
  if (space === 'connection') return own(values.captured, name);
  return space === 'app' ? own(values.client.parameters, name) : undefined;
}

function own(record: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

function missing(provider: ProviderManifest, space: string, name = ''): KeywardError {
  const reference = name === '' ? space : `${space}.${name}`;
  return new KeywardError('invalid_request', `What ${provider.title} needs for this request is not there: ${reference}.`);
}
