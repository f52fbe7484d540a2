import type { ProviderManifest } from '@keyward/connectors';
import type { SentRequest } from '@keyward/vendor-emulation';

type Place = ProviderManifest['credential'];

/** What is wrong with how a request carries the secret. */
export function credentialProblem(place: Place, secret: string, request: SentRequest): string | undefined {
  return carried(place, request) === expected(place, secret) ? undefined : `the credential is not in the ${place.in}`;
}

/** The request without it, as the vendor describes it. */
export function withoutCredential(place: Place, request: SentRequest): SentRequest {
  if (place.in !== 'query') return request;
  const url = new URL(request.url);
  url.searchParams.delete(place.name);
  return { ...request, url: url.href };
}

/** Whether a request carries the secret anywhere at all. */
export function holdsSecret(secret: string, { url, headers, body }: SentRequest): boolean {
  const texts = [decodeURIComponent(url), ...Object.values(headers), String(body ?? '')];
  const encoded = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return texts.some((text) => text.includes(secret) || text.includes(encoded));
}

function carried(place: Place, { url, headers, body }: SentRequest): unknown {
  switch (place.in) {
    case 'header':
      return headers[place.name];
    case 'query':
      return new URL(url).searchParams.get(place.name);
    case 'basic':
      return headers['authorization'];
    case 'body':
      return (JSON.parse(String(body ?? '{}')) as Record<string, unknown>)[place.name];
  }
}

function expected(place: Place, secret: string): string {
  if (place.in === 'header') return place.prefix + secret;
  if (place.in !== 'basic') return secret;
  return `Basic ${Buffer.from(place.template.replace('${secret}', secret)).toString('base64')}`;
}
