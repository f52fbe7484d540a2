import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest, TokenRequestShape } from '@keyward/connectors';
import type { WireInit } from '../wire.js';
import { fillAll, type LateValues } from './fill.js';
import { signatureHeaders } from './sign-request.js';
import { xmlBody } from './xml-body.js';

/** What the standard would send. */
export interface StandardRequest {
  url: string;
  parameters: URLSearchParams;
  headers: Record<string, string>;
}

/** RFC 6749 section 4.1.3 and RFC 7662 section 2.1: a POST with a form. */
export const STANDARD_REQUEST: TokenRequestShape = {
  method: 'POST',
  format: 'form',
  xml_root: 'request',
  parameters: {},
  rename: {},
  omit: [],
  headers: {},
};

export type ShapedRequest = Pick<WireInit, 'method' | 'headers' | 'body'> & { url: string };

/** What the provider wants instead: omit → rename → add → format → sign. Nothing that the manifest adds replaces what the protocol sent. */
export function shapeRequest(
  provider: ProviderManifest,
  shape: TokenRequestShape,
  standard: StandardRequest,
  values: LateValues,
  now: Date,
): ShapedRequest {
  const parameters = new URLSearchParams();
  for (const [name, value] of standard.parameters) {
    if (!shape.omit.includes(name)) parameters.append(shape.rename[name] ?? name, value);
  }
  for (const [name, value] of Object.entries(fillAll(provider, shape.parameters, values))) {
    if (!parameters.has(name)) parameters.append(name, value);
  }
  const { url, body, contentType } = format(shape, standard.url, parameters);
  const shaped = {
    ...withoutType(standard.headers),
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...fillAll(provider, shape.headers, values),
    ...(shape.signature === undefined
      ? {}
      : signatureHeaders(shape.signature, { body: body ?? '', parameters, secret: secretOf(provider, values), now })),
  };
  assertFieldValues(provider, shaped);
  return { url, method: shape.method, headers: shaped, ...(body === undefined ? {} : { body }) };
}

function withoutType(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type'));
}

interface Formatted {
  url: string;
  body?: string;
  contentType?: string;
}

function format(shape: TokenRequestShape, endpoint: string, parameters: URLSearchParams): Formatted {
  if (parameters.size === 0) return { url: endpoint };
  if (shape.method === 'GET' || shape.format === 'query') {
    const url = new URL(endpoint);
    for (const [name, value] of parameters) url.searchParams.append(name, value);
    return { url: url.href };
  }
  switch (shape.format) {
    case 'json':
      return { url: endpoint, body: JSON.stringify(Object.fromEntries(parameters)), contentType: 'application/json' };
    case 'xml':
      return { url: endpoint, body: xmlBody(shape.xml_root, parameters), contentType: 'application/xml' };
    case 'form':
      return { url: endpoint, body: parameters.toString(), contentType: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
}

function secretOf(provider: ProviderManifest, { client }: LateValues): string {
  if (client.clientSecret !== undefined) return client.clientSecret;
  throw new KeywardError('invalid_request', `Requests to ${provider.title} are signed with a client secret, and there is none.`);
}

/** RFC 9110 section 5.5, without what a secret that was pasted with its line break would bring along. */
function assertFieldValues(provider: ProviderManifest, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\x20-\x7e]*$/.test(value)) {
      throw new KeywardError('invalid_request', `What ${provider.title} wants in the header ${name} can not be sent in one.`);
    }
  }
}
