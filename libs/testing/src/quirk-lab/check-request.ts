import { createHmac } from 'node:crypto';
import type { RequestQuirks } from './quirks.js';
import type { Received } from './read-parameters.js';
import { demand } from './refusal.js';
import { LAB_CLIENT } from './lab-client.js';

/**
 * Parameters under their standard names, once the request is in the very shape that this server wants.
 * @param known standard names that may be there
 */
export function checkShape(parameters: URLSearchParams, known: readonly string[], quirks: RequestQuirks): Map<string, string> {
  const { names = {}, without = [], exactly = {} } = quirks;
  for (const [name, value] of Object.entries(exactly)) {
    demand(parameters.get(name) === value, `${name} must be ${value}`);
  }
  const standard = new Map(known.filter((name) => !without.includes(name)).map((name) => [names[name] ?? name, name]));
  const read = new Map<string, string>();
  for (const [name, value] of parameters) {
    demand(value !== '', `${name} is empty`);
    const meant = standard.get(name);
    demand(meant !== undefined || Object.hasOwn(exactly, name), `${name} is not known here`);
    if (meant !== undefined) read.set(meant, value);
  }
  return read;
}

export function checkHeaders(received: Received, parameters: URLSearchParams, { headers = {}, signature }: RequestQuirks): void {
  for (const [name, value] of Object.entries(headers)) {
    demand(received.headers[name] === value, `the header ${name} must be ${value}`);
  }
  if (signature === undefined) return;
  const timestamp = signature.timestampHeader === undefined ? '' : received.headers[signature.timestampHeader];
  demand(typeof timestamp === 'string', 'the timestamp is missing');
  demand(
    signature.timestampHeader === undefined || Math.abs(Number(timestamp) - Date.now()) < 60_000,
    'the timestamp is not of now',
  );
  const text = signature.text({ body: received.body, parameters, timestamp });
  const expected = createHmac('sha256', LAB_CLIENT.clientSecret).update(text).digest(signature.encoding);
  demand(received.headers[signature.header] === expected, 'the signature is wrong', 'invalid_client');
}
