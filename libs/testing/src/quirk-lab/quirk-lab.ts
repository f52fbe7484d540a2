import { createHmac } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { authorize, type Redirect } from './authorize-endpoint.js';
import { Grants } from './grants.js';
import { LAB_CLIENT } from './lab-client.js';
import type { Quirks } from './quirks.js';
import { receive, type Received } from './read-parameters.js';
import { Refusal } from './refusal.js';
import { route } from './routes.js';

export interface CodeWebhook {
  headers: Record<string, string>;
  body: Buffer;
}

export interface QuirkLab {
  url: string;
  /** Why requests were not taken, in their order. */
  refusals: string[];
  requests: Received[];
  webhooks: CodeWebhook[];
  /** Plays the browser: where it is sent back to. @throws Error with what the page says */
  visit(url: URL): Promise<URL>;
  /** Whether calls can be made with the token. */
  accepts(accessToken: string): boolean;
  canRefresh(refreshToken: string): boolean;
  stop(): Promise<void>;
}

/**
 * An authorization server that deviates from the standards in just the declared ways, on loopback. It is strict: a request that is
 * not in its odd shape is refused, also one that every well-behaved server would take.
 */
export async function startQuirkLab(quirks: Quirks): Promise<QuirkLab> {
  const grants = new Grants();
  const lab: Pick<QuirkLab, 'refusals' | 'requests' | 'webhooks'> = { refusals: [], requests: [], webhooks: [] };
  const server = createServer((request, response) => {
    void receive(request).then(async (received) => {
      lab.requests.push(received);
      const answered = await answer(received).catch((thrown: unknown) => {
        if (!(thrown instanceof Refusal)) throw thrown;
        lab.refusals.push(thrown.reason);
        return { status: 400, body: thrown.reason };
      });
      send(response, answered);
    });
  });

  const answer = async (received: Received) => {
    const fragment = quirks.authorize?.fragment;
    if (received.path === '/authorize' && fragment !== undefined && received.rawQuery === '')
      return { status: 200, body: 'page' };
    if (received.path === '/authorize' && fragment === undefined) return sendBack(authorize(received.rawQuery, quirks, grants));
    // What the page's script does: it alone sees what stands behind the #.
    if (received.path === '/script') return sendBack(authorize(behindHash(received.body, fragment ?? ''), quirks, grants));
    return route({ received, quirks, grants }, (reason) => lab.refusals.push(reason));
  };
  const sendBack = (redirect: Redirect) => ({ status: 302, location: callbackUrl(redirect, quirks, lab.webhooks), body: '' });

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...lab,
    url,
    visit: (target) => visit(url, target),
    accepts: (token) => grants.accepts(token, quirks.steps?.length ?? 0),
    canRefresh: (token) => grants.canRefresh(token),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, { status, body, location }: { status: number; body: unknown; location?: string }): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...(location === undefined ? {} : { location }) })
    .end(status === 204 ? undefined : JSON.stringify(body));
}

function behindHash(href: string, fragment: string): string {
  const hash = href.slice(href.indexOf('#') + 1);
  if (!hash.startsWith(`${fragment}?`)) throw new Refusal(`the parameters must stand behind #${fragment}?`);
  return hash.slice(fragment.length + 1);
}

function callbackUrl({ redirectUri, parameters, code }: Redirect, { callback = {} }: Quirks, webhooks: CodeWebhook[]): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries({ ...parameters, ...callback.parameters })) url.searchParams.set(name, value);
  const { webhook } = callback;
  if (webhook === undefined) {
    url.searchParams.set(callback.codeParameter ?? 'code', code);
    return url.href;
  }
  const correlation = `installation-${code.slice(-8)}`;
  url.searchParams.set(webhook.correlation, correlation);
  const body = Buffer.from(JSON.stringify(webhook.body({ code, correlation })));
  webhooks.push({
    body,
    headers: { [webhook.header]: createHmac('sha256', LAB_CLIENT.clientSecret).update(body).digest('hex') },
  });
  return url.href;
}

async function visit(url: string, target: URL): Promise<URL> {
  let response = await fetch(target, { redirect: 'manual' });
  if (response.status === 200) {
    response = await fetch(`${url}/script`, { method: 'POST', body: target.href, redirect: 'manual' });
  }
  const location = response.headers.get('location');
  if (location === null) throw new Error(`the page says: ${await response.text()}`);
  return new URL(location);
}
