import type { IncomingMessage } from 'node:http';
import type { RequestQuirks } from './quirks.js';
import { demand } from './refusal.js';

export interface Received {
  method: string;
  path: string;
  /** As it came, percent-encoding and all. */
  rawQuery: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export async function receive(request: IncomingMessage): Promise<Received> {
  const [path = '', ...query] = (request.url ?? '').split('?');
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return { method: request.method ?? '', path, rawQuery: query.join('?'), headers: request.headers, body };
}

const TYPES = { form: 'application/x-www-form-urlencoded', json: 'application/json', xml: 'application/xml' };

/** The parameters, from the one place where this server looks for them. */
export function readParameters(
  received: Received,
  { method = 'POST', format, xmlRoot = 'request' }: RequestQuirks,
): URLSearchParams {
  demand(received.method === method, `the method must be ${method}`);
  const where = method === 'GET' ? 'query' : (format ?? 'form');
  demand(where === 'query' || received.rawQuery === '', 'nothing may stand in the query');
  if (where === 'query') {
    demand(received.body === '', 'there must be no body');
    return unrepeated(new URLSearchParams(received.rawQuery));
  }
  if (received.body === '') return new URLSearchParams();
  demand(received.headers['content-type']?.startsWith(TYPES[where]) === true, `the body must be ${TYPES[where]}`);
  if (where === 'json') return readJson(received.body);
  return where === 'xml' ? readXml(received.body, xmlRoot) : unrepeated(new URLSearchParams(received.body));
}

function unrepeated(parameters: URLSearchParams): URLSearchParams {
  demand(new Set(parameters.keys()).size === parameters.size, 'a parameter is repeated');
  return parameters;
}

function readJson(body: string): URLSearchParams {
  const json: unknown = JSON.parse(body);
  demand(typeof json === 'object' && json !== null, 'the body must be a JSON object');
  const entries = Object.entries(json);
  demand(
    entries.every(([, value]) => typeof value === 'string'),
    'every member must be a string',
  );
  return new URLSearchParams(entries.map(([name, value]): [string, string] => [name, String(value)]));
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function readXml(body: string, root: string): URLSearchParams {
  const content = new RegExp(`^<\\?xml [^>]*\\?><${root}>(.*)</${root}>$`, 's').exec(body)?.[1];
  demand(content !== undefined, `the root element must be ${root}`);
  demand(content.replaceAll(/<([\w.-]+)>[^<>]*<\/\1>/g, '') === '', 'the XML must be flat');
  const parameters = [...content.matchAll(/<([\w.-]+)>([^<>]*)<\/\1>/g)].map(([, name = '', text = '']): [string, string] => {
    const value = text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => ENTITIES[entity] ?? '');
    return [name, value];
  });
  return unrepeated(new URLSearchParams(parameters));
}
