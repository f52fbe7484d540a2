import { KeywardError, parseBoundedJson, valueAt } from '@keyward/contracts';
import { classifyRefusal, malformed } from './classify.js';
import { readBounded } from './read-bounded.js';
import type { ProviderManifest, TokenResponseShape } from '@keyward/connectors';

/** Far above any real token response; a server that sends more is not sending tokens. */
const BOUNDS = { maxBytes: 262_144, maxDepth: 16 };

export type JsonObject = Record<string, unknown>;

/** RFC 6749 section 5.1 says 200; a token that is made is answered with 201 by some. */
const SUCCESS = new Set([200, 201]);

/** The JSON object of a successful token response. Everything else is thrown, classified. */
export async function readAnswer(
  provider: ProviderManifest,
  { failure }: Pick<TokenResponseShape, 'failure'>,
  response: Response,
): Promise<JsonObject> {
  const body = await readJsonObject(provider, response);
  if (!SUCCESS.has(response.status)) throw classifyRefusal(provider, response.status, response.headers, errorIn(body, failure));
  if (body === undefined) throw malformed(provider, 'a body that is not a JSON object', response.status);
  // Some servers report errors with status 200. The token, not the status, is what says that it worked.
  if (failure === undefined ? isStated(body['error']) : hasFailed(body, failure.when)) {
    throw classifyRefusal(provider, response.status, response.headers, errorIn(body, failure) ?? 'unnamed');
  }
  return body;
}

type Failure = NonNullable<TokenResponseShape['failure']>;

function hasFailed(body: JsonObject, when: Failure['when']): boolean {
  const value = valueAt(body, when.at);
  if (when.equals !== undefined) return value === when.equals;
  return when.not !== undefined ? value !== when.not : isStated(value);
}

/** The error code in the terms of RFC 6749 section 5.2. */
function errorIn(body: JsonObject | undefined, failure: Failure | undefined): unknown {
  const stated = valueAt(body, failure?.code ?? '/error');
  if (failure === undefined || (typeof stated !== 'string' && typeof stated !== 'number')) return stated;
  return Object.hasOwn(failure.codes, String(stated)) ? failure.codes[String(stated)] : stated;
}

function isStated(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** RFC 7009 section 2.2: the status alone says it, a body is to be ignored. */
export async function readRevocationAnswer(
  provider: ProviderManifest,
  response: Response,
  success: readonly number[] = [200, 204],
): Promise<void> {
  const body = await readJsonObject(provider, response);
  if (!success.includes(response.status)) {
    throw classifyRefusal(provider, response.status, response.headers, body?.['error']);
  }
}

/** Undefined for a body that is none. */
async function readJsonObject(provider: ProviderManifest, response: Response): Promise<JsonObject | undefined> {
  const json = await readJson(provider, response);
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : undefined;
}

/** Any JSON; undefined for a body that is none. */
export async function readJson(provider: ProviderManifest, response: Response): Promise<unknown> {
  const tooMuch = () => malformed(provider, `a body of more than ${BOUNDS.maxBytes} bytes`, response.status);
  const bytes = await readBounded(response, BOUNDS.maxBytes, tooMuch);
  try {
    return parseBoundedJson(bytes, BOUNDS);
  } catch (thrown) {
    if (thrown instanceof KeywardError) return undefined;
    throw thrown;
  }
}
