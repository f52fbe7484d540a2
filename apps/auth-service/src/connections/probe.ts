import { hasAuth, type ProviderManifest } from '@keyward/connectors';
import { KeywardError, parseBoundedJson, valueAt, type ConnectionTest, type ErrorCode } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import type { ClientCertificate, Egress, EgressResponse } from '@keyward/egress';
import type { SealedRegistration } from '@keyward/oauth';
import { withCertificate } from './client-certificate.js';

export interface ProbeOptions {
  egress: Egress;
  credentials: Credentials;
}

export interface ProbeRequest {
  /** Resolved: nothing in it is open but the secret. */
  provider: ProviderManifest;
  /** What calls are made with: the access token, the API key, `username:password`. */
  secret: string;
  /** Whose certificate requests show, where the provider asks for one. */
  app: SealedRegistration | null;
}

export type Probe = Pick<ConnectionTest, 'outcome' | 'providerStatus' | 'account' | 'durationMs'>;

const TIMEOUT_MS = 10_000;
/** Longer names are cut: they are shown, and nothing else. */
const ACCOUNT_TEXT = 200;
/** What says nothing of the provider. */
const OURS: readonly ErrorCode[] = ['egress_denied', 'invalid_request', 'internal'];
const NOBODY = { id: null, name: null };

/**
 * Sends the manifest's probe, with the credential where calls carry it, and says what came of it. The secret is in neither the answer
 * nor an error. A provider that does not answer, or not now, is an outcome and no error.
 *
 * @throws KeywardError `egress_denied` where the address is one that no request may go to; `invalid_request` where the registration has
 * not the certificate that the provider asks for, or one that is not its key's
 */
export async function probeConnection(options: ProbeOptions, { provider, secret, app }: ProbeRequest): Promise<Probe> {
  const { probe } = provider;
  if (probe === undefined) return { outcome: 'not_supported', account: NOBODY, durationMs: 0 };
  const begun = performance.now();
  const response = await withCertificate(options.credentials, provider, app, (tls) =>
    send(options.egress, provider, probe, secret, tls),
  );
  const durationMs = Math.round(performance.now() - begun);
  if (response === undefined) return { outcome: 'unreachable', account: NOBODY, durationMs };
  const body = readBody(response);
  const outcome = outcomeOf(response.status, body, probe);
  const account = outcome === 'working' ? accountOf(body, probe) : NOBODY;
  return { outcome, providerStatus: response.status, account, durationMs };
}

type DeclaredProbe = NonNullable<ProviderManifest['probe']>;

async function send(
  egress: Egress,
  provider: ProviderManifest,
  probe: DeclaredProbe,
  secret: string,
  tls: ClientCertificate | undefined,
): Promise<EgressResponse | undefined> {
  const body = probe.body === undefined ? undefined : JSON.stringify(probe.body);
  try {
    return await egress.send({
      provider: provider.name,
      origins: provider.origins,
      method: probe.method,
      url: addressOf(provider, probe),
      urlTemplate: probe.path,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...provider.headers,
        ...probe.headers,
      },
      body,
      tls,
      ...(hasAuth(provider, 'none') ? {} : { credential: { ...provider.credential, secret } }),
      timeoutMs: TIMEOUT_MS,
      maxBytes: provider.limits.max_response_bytes,
      propagateTrace: provider.propagate_trace,
    });
  } catch (thrown) {
    if (thrown instanceof KeywardError && !OURS.includes(thrown.code)) return undefined;
    throw thrown;
  }
}

function addressOf({ base_url: base, query }: ProviderManifest, { path }: DeclaredProbe): string {
  const url = new URL(base + path);
  for (const [name, value] of Object.entries(query)) if (!url.searchParams.has(name)) url.searchParams.append(name, value);
  return url.href;
}

/** Undefined where it is no JSON that we would read: the status alone speaks then. */
function readBody({ body }: EgressResponse): unknown {
  try {
    return parseBoundedJson(body, { maxBytes: body.byteLength, maxDepth: 64 });
  } catch {
    return undefined;
  }
}

function outcomeOf(status: number, body: unknown, { failure }: DeclaredProbe): Probe['outcome'] {
  // Neither says anything about the credential.
  if (status === 429 || status >= 500) return 'unreachable';
  if (status >= 300) return 'refused';
  return failure !== undefined && valueAt(body, failure.at) === failure.equals ? 'refused' : 'working';
}

function accountOf(body: unknown, { account }: DeclaredProbe): Probe['account'] {
  return { id: textAt(body, account.id), name: textAt(body, account.name) };
}

/** The provider's words, shown to admins: without control and format characters, which could make a name look like another. */
function textAt(body: unknown, pointer: string | undefined): string | null {
  const value = pointer === undefined ? undefined : valueAt(body, pointer);
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const text = String(value)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .trim();
  return text === '' ? null : text.slice(0, ACCOUNT_TEXT).toWellFormed();
}
