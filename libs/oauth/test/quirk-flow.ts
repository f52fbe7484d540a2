import { LAB_CLIENT, startQuirkLab, type QuirkLab, type Quirks } from '@keyward/testing/quirk-lab';
import { providerManifestSchema, resolveProvider, type ProviderManifest } from '@keyward/connectors';
import {
  authorizationUrl,
  createPkcePair,
  exchangeCode,
  introspectRefreshToken,
  readCallback,
  readCodeWebhook,
  renewToken,
  revokeToken,
  type OAuthClient,
  type TokenSet,
  type Wire,
} from '../src/index.js';

/** What a manifest says besides where the server is. */
export interface Declared {
  auth?: Record<string, unknown>;
  [member: string]: unknown;
}

export interface QuirkRow {
  /** Row of the table of quirks, and at whom it is seen. */
  row: string;
  quirks: Quirks | ((url: string) => Quirks);
  declared: (url: string) => Declared;
  /** The manifest that must fail. Default: one that says nothing of the quirk. */
  ignored?: (url: string) => Declared;
  scopes?: readonly string[];
  /** What the person has entered. */
  entered?: (url: string) => Record<string, string>;
  client?: Partial<OAuthClient>;
  /** Fields, as JSON Pointers, that this flow would do without: they matter elsewhere, as where a request fails. */
  spare?: readonly string[];
  /** Beyond that calls can be made with the token. */
  expect?: (result: FlowResult) => void | Promise<void>;
}

export interface FlowResult {
  lab: QuirkLab;
  /** With what the flow has captured. */
  provider: ProviderManifest;
  tokens: TokenSet;
  captured: Record<string, string>;
  renew: () => Promise<TokenSet>;
  /** Of the first tokens: what is known of the refresh token without redeeming it. */
  isRedeemable: () => Promise<boolean | undefined>;
  revoke: () => Promise<void>;
}

export const wire: Wire = { fetch: (url, init) => fetch(url, init) };
const REDIRECT_URI = 'https://auth.keyward.example/oauth/callback/abc';
const STATE = 'the-state';

export function labManifest(url: string, { auth = {}, ...rest }: Declared): ProviderManifest {
  return providerManifestSchema.parse({
    name: 'odd',
    title: 'Odd',
    auth: {
      kind: 'oauth2_authorization_code',
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      ...auth,
    },
    base_url: `${url}/api`,
    origins: [url],
    ...rest,
  });
}

/** From the authorization URL to the token, as the apps do it. */
export async function runFlow(
  lab: QuirkLab,
  { declared, entered, scopes = [], client: own = {} }: QuirkRow,
): Promise<FlowResult> {
  const manifest = labManifest(lab.url, declared(lab.url));
  const client: OAuthClient = { ...LAB_CLIENT, ...own };
  const values = { clientId: client.clientId, ...(client.parameters === undefined ? {} : { app: client.parameters }) };
  const input = entered?.(lab.url) ?? {};
  const provider = resolveProvider(manifest, { ...values, connection: input });
  const { verifier, challenge } = await createPkcePair(provider);
  const url = authorizationUrl({ provider, client, redirectUri: REDIRECT_URI, scopes, state: STATE, codeChallenge: challenge });
  const back = await lab.visit(url);
  const callback = readCallback(provider, client, back.searchParams, STATE);
  if (callback.kind === 'error' || callback.kind === 'installed') throw new Error(`unexpected ${callback.kind}`);
  const parameters = callback.kind === 'code' ? callback.parameters : codeByWebhook(lab, provider, client, callback.correlation);
  const known = resolveProvider(manifest, { ...values, connection: { ...input, ...callback.captured } });
  const first = await exchangeCode(
    { provider: known, client, parameters, redirectUri: REDIRECT_URI, codeVerifier: verifier },
    wire,
  );
  const captured = { ...callback.captured, ...first.captured };
  const resolved = resolveProvider(manifest, { ...values, connection: { ...input, ...captured } });
  const held = {
    accessToken: first.accessToken,
    ...(first.refreshToken === undefined ? {} : { refreshToken: first.refreshToken }),
  };
  return {
    lab,
    provider: resolved,
    tokens: first,
    captured,
    renew: () => renewToken({ provider: resolved, client, scopes, ...held }, wire),
    isRedeemable: async () => {
      const { refreshToken } = first;
      if (resolved.refresh.recovery_probe === undefined || refreshToken === undefined) return undefined;
      return (await introspectRefreshToken({ provider: resolved, client, refreshToken }, wire)).active;
    },
    revoke: () => revokeToken({ provider: resolved, client, ...held }, wire),
  };
}

function codeByWebhook(lab: QuirkLab, provider: ProviderManifest, client: OAuthClient, correlation: string): { code: string } {
  const webhook = lab.webhooks.map(({ headers, body }) => readCodeWebhook(provider, client, headers, body));
  const found = webhook.find((one) => one.correlation === correlation);
  if (found === undefined) throw new Error('no webhook belongs to this redirect');
  return found;
}

/** The row against its lab. */
export async function play(row: QuirkRow): Promise<void> {
  let quirks: Quirks = {};
  // The lab's own address is part of some quirks, and is known only once it listens.
  const late = new Proxy<Quirks>({}, { get: (_, name) => quirks[name as keyof Quirks] });
  const lab = await startQuirkLab(late);
  try {
    quirks = typeof row.quirks === 'function' ? row.quirks(lab.url) : row.quirks;
    const result = await runFlow(lab, row);
    if (!lab.accepts(result.tokens.accessToken)) throw new Error('no calls can be made with the token');
    await row.expect?.(result);
  } finally {
    await lab.stop();
  }
}
