import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Stack } from '@keyward/stack';
import { startHelper } from '../child.js';

export interface IssuedTokens {
  access_token: string;
  refresh_token: string;
}

export interface TokenCounters {
  tokenRequests: number;
  refreshes: number;
  reuseDetections: number;
  /** Access tokens shown at the API that were unknown, expired or revoked; only where there is an API. */
  refusedAccessTokens?: number;
}

/** An authorization server that benchmarks refresh at: what it issues, and what it has seen. */
export interface TokenServer {
  /** In figures. */
  name: string;
  url: string;
  pid: number;
  clientId: string;
  clientSecret: string;
  /** @param expiresInSeconds of the access tokens of this first generation, where the server can be told */
  issue(count: number, expiresInSeconds?: number): Promise<IssuedTokens[]>;
  counters(): Promise<TokenCounters>;
  stop(): Promise<void>;
}

/** How many a single request may ask for. */
const ISSUE_AT_A_TIME = 2_000;
const SCOPE = 'notes:read notes:write';

/** The sandbox of the stack (oidc-provider), with a client of our own. */
export async function sandboxServer({ info, sandboxManagementToken, service }: Stack): Promise<TokenServer> {
  const { url, user } = info.sandbox;
  const manage = manager(url, sandboxManagementToken);
  const clientId = `bench_${randomBytes(6).toString('hex')}`;
  const clientSecret = randomBytes(24).toString('base64url');
  await manage('clients', { client_id: clientId, client_secret: clientSecret, redirect_uris: ['https://keyward.example/bench'] });
  return {
    name: 'sandbox (oidc-provider)',
    ...{ url, clientId, clientSecret },
    pid: service('sandbox').pid,
    issue: (count, expires_in) => issueAll(manage, { client_id: clientId, user, scope: SCOPE, expires_in }, count),
    counters: () => manage<TokenCounters>('counters'),
    stop: () => Promise.resolve(),
  };
}

type Manage = <T>(what: string, body?: object) => Promise<T>;

function manager(url: string, token: string): Manage {
  return async <T>(what: string, body?: object) => {
    const answer = await fetch(`${url}/sandbox/${what}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
}

/** Tokens of the sandbox for a client that is registered already. */
export async function issueAtSandbox(stack: Stack, clientId: string, count: number, expiresInSeconds: number) {
  const { url, user } = stack.info.sandbox;
  const order = { client_id: clientId, user, scope: SCOPE, expires_in: expiresInSeconds };
  return issueAll(manager(url, stack.sandboxManagementToken), order, count);
}

async function issueAll(manage: Manage, order: object, count: number): Promise<IssuedTokens[]> {
  const all: IssuedTokens[] = [];
  while (all.length < count) {
    const next = Math.min(ISSUE_AT_A_TIME, count - all.length);
    const { tokens } = await manage<{ tokens: IssuedTokens[] }>('tokens/issue', { ...order, count: next });
    all.push(...tokens);
  }
  return all;
}

/** The lean token endpoint of this project, as a process of its own. */
export async function leanServer(dir: string, ttlSeconds: number): Promise<TokenServer> {
  const clientId = `bench_${randomBytes(6).toString('hex')}`;
  const clientSecret = randomBytes(24).toString('base64url');
  const file = path.join(dir, `token-families-${clientId}.sqlite`);
  const helper = startHelper('refresh/lean/token-endpoint.js', [file, clientId, clientSecret, String(ttlSeconds)]);
  const url = await helper.line();
  return {
    name: 'lean token endpoint',
    ...{ url, clientId, clientSecret },
    pid: helper.pid,
    issue: async (count) => {
      const body = new URLSearchParams({ count: String(count), scope: SCOPE });
      const answer = await fetch(`${url}/issue`, { method: 'POST', body });
      return ((await answer.json()) as { tokens: IssuedTokens[] }).tokens;
    },
    counters: async () => (await (await fetch(`${url}/counters`)).json()) as TokenCounters,
    stop: () => helper.stop(),
  };
}
