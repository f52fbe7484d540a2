import { KeywardError, parseBoundedJson } from '@keyward/contracts';
import { classifyRefusal, malformed } from './classify.js';
import type { ProviderManifest } from '@keyward/connectors';

/** Far above any real token response; a server that sends more is not sending tokens. */
const BOUNDS = { maxBytes: 262_144, maxDepth: 16 };

export type JsonObject = Record<string, unknown>;

/** The JSON object of a successful token response. Everything else is thrown, classified. */
export async function readAnswer(provider: ProviderManifest, response: Response): Promise<JsonObject> {
  const body = await readJsonObject(provider, response);
  if (response.status !== 200) throw classifyRefusal(provider, response.status, response.headers, body?.['error']);
  if (body === undefined) throw malformed(provider, 'a body that is not a JSON object', response.status);
  // Some servers report errors with status 200. The token, not the status, is what says that it worked.
  if (body['error'] !== undefined && body['error'] !== null && body['error'] !== '') {
    throw classifyRefusal(provider, 200, response.headers, body['error']);
  }
  return body;
}

/** RFC 7009 section 2.2: the status alone says it, a body is to be ignored. */
export async function readRevocationAnswer(provider: ProviderManifest, response: Response): Promise<void> {
  const body = await readJsonObject(provider, response);
  if (response.status !== 200 && response.status !== 204) {
    throw classifyRefusal(provider, response.status, response.headers, body?.['error']);
  }
}

async function readJsonObject(provider: ProviderManifest, response: Response): Promise<JsonObject | undefined> {
  const bytes = await readBounded(provider, response);
  try {
    const json = parseBoundedJson(bytes, BOUNDS);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : undefined;
  } catch (thrown) {
    if (thrown instanceof KeywardError) return undefined;
    throw thrown;
  }
}

async function readBounded(provider: ProviderManifest, response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > BOUNDS.maxBytes) throw malformed(provider, `a body of more than ${BOUNDS.maxBytes} bytes`, response.status);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
