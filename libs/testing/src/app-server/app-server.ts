import { createHash, generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { jwtVerify } from 'jose';
import { HostileServer, type ReceivedRequest } from '../hostile-server.js';
import { APP_CLIENT } from './app-manifest.js';

/** Instead of a page of the list: status, body and the Link field, if any. */
export type ListAnswer = (page: number) => { status?: number; body: string; link?: string };

interface Code {
  person: string;
  challenge: string | undefined;
}

type Reply = { status: number; body?: unknown; headers?: Record<string, string> };

class Refusal extends Error {}

function demand(holds: boolean, why: string): asserts holds {
  if (!holds) throw new Refusal(why);
}

/**
 * A provider whose apps people install, strict in all it is asked: a code is redeemed once, by the app and nobody else, and what a person
 * may list is theirs.
 */
export class AppServer {
  /** Person → installations that they may act for. */
  readonly people = new Map<string, readonly (number | string)[]>();
  /** What was refused, and why. */
  readonly refusals: string[] = [];
  /** Installations that a token was asked for. */
  readonly installationTokens: string[] = [];
  /** Every token of a person that was ever issued. */
  readonly userTokens: string[] = [];
  readonly live = new Set<string>();
  pageSize = 100;
  /** What takes the place of the list. */
  list: ListAnswer | undefined;
  /** Status of every revocation, where it is not the right one. */
  revocationStatus: number | undefined;
  readonly privateKey: string;
  readonly #codes = new Map<string, Code>();
  readonly #owners = new Map<string, string>();
  readonly #publicKey;

  private constructor(private readonly server: HostileServer) {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    this.#publicKey = pair.publicKey;
  }

  static async start(): Promise<AppServer> {
    const apps = new AppServer(await HostileServer.start());
    apps.server.answer = (_request, response) => {
      const received = apps.server.requests.at(-1) as ReceivedRequest;
      void apps.#judge(received).then((reply) => send(response, reply));
    };
    return apps;
  }

  get url(): string {
    return this.server.origin;
  }

  get requests(): readonly ReceivedRequest[] {
    return this.server.requests;
  }

  readonly stop = (): Promise<void> => this.server.stop();

  /** What the person's browser brings back once they have installed the app, and authorized it, at `installation_url`. */
  install(person: string, installationUrl: string, installation: number | string): URLSearchParams {
    const asked = new URL(installationUrl).searchParams;
    const code = this.authorize(person, asked.get('code_challenge') ?? undefined);
    const state = asked.get('state') ?? '';
    return new URLSearchParams({ code, installation_id: String(installation), setup_action: 'install', state });
  }

  /** @returns a code that stands for the person */
  authorize(person: string, challenge?: string): string {
    const code = `user-code-canary-${this.#codes.size + 1}`;
    this.#codes.set(code, { person, challenge });
    return code;
  }

  async #judge(request: ReceivedRequest): Promise<Reply> {
    try {
      return await this.#route(request);
    } catch (thrown) {
      this.refusals.push(thrown instanceof Error ? thrown.message : String(thrown));
      // As some do: an error with status 200.
      return thrown instanceof Refusal ? { status: 200, body: { error: 'bad_verification_code' } } : { status: 500, body: {} };
    }
  }

  #route(request: ReceivedRequest): Reply | Promise<Reply> {
    const { pathname, searchParams } = new URL(request.url, this.url);
    const installation = /^\/app\/installations\/([^/]+)\/access_tokens$/.exec(pathname)?.[1];
    if (installation !== undefined) return this.#installationToken(request, installation);
    switch (`${request.method} ${pathname}`) {
      case 'POST /login/oauth/access_token':
        return this.#redeem(request);
      case 'GET /user/installations':
        return this.#installations(request, Number(searchParams.get('page') ?? 1));
      case `DELETE /applications/${APP_CLIENT.clientId}/token`:
        return this.#revoke(request);
      default:
        throw new Error(`nobody asks ${request.method} ${pathname}`);
    }
  }

  #redeem({ headers, body }: ReceivedRequest): Reply {
    const form = new URLSearchParams(body);
    demand(headers.accept === 'application/json', 'the answer would be a form');
    const { client_id, client_secret, code = '', code_verifier, grant_type, ...rest } = Object.fromEntries(form);
    demand(Object.keys(rest).length === 0 && form.size === new Set(form.keys()).size, 'parameters that nobody asked for');
    demand(client_id === APP_CLIENT.clientId && client_secret === APP_CLIENT.clientSecret, 'not the app');
    demand(grant_type === 'authorization_code', 'not a code');
    const known = this.#codes.get(code);
    demand(known !== undefined, 'the code is unknown or used');
    this.#codes.set(code, { person: '', challenge: 'used' });
    const challenge = code_verifier && createHash('sha256').update(code_verifier).digest('base64url');
    demand(known.challenge === challenge, 'the code was made for somebody else, or used');
    const token = `user-token-canary-${this.userTokens.length + 1}`;
    this.userTokens.push(token);
    this.live.add(token);
    this.#owners.set(token, known.person);
    return { status: 200, body: { access_token: token, token_type: 'bearer', refresh_token: `refresh-of-${token}`, scope: '' } };
  }

  #installations({ headers }: ReceivedRequest, page: number): Reply {
    const token = headers.authorization?.replace(/^Bearer /, '') ?? '';
    demand(this.live.has(token) && headers.accept === 'application/vnd.app+json', 'not a live token of a person');
    if (this.list !== undefined) {
      const { status = 200, body, link } = this.list(page);
      return { status, body, headers: link === undefined ? {} : { link } };
    }
    const all = this.people.get(this.#owners.get(token) ?? '') ?? [];
    const own = all.slice((page - 1) * this.pageSize, page * this.pageSize);
    const at = (number: number) => `<${this.url}/user/installations?page=${number}>`;
    const more = page * this.pageSize < all.length;
    return {
      status: 200,
      body: { total_count: all.length, installations: own.map((id) => ({ id, account: { login: `account-${id}` } })) },
      headers: more ? { link: `${at(1)}; rel="first", ${at(page + 1)}; rel="next"` } : {},
    };
  }

  #revoke({ headers, body }: ReceivedRequest): Reply {
    const basic = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
    demand(basic === `${APP_CLIENT.clientId}:${APP_CLIENT.clientSecret}`, 'not the app');
    if (this.revocationStatus !== undefined) return { status: this.revocationStatus, body: {} };
    const { access_token: token } = JSON.parse(body) as { access_token: string };
    demand(this.live.delete(token), 'the token is none');
    return { status: 204 };
  }

  async #installationToken({ headers }: ReceivedRequest, installation: string): Promise<Reply> {
    const jwt = headers.authorization?.replace(/^Bearer /, '') ?? '';
    await jwtVerify(jwt, this.#publicKey, { algorithms: ['RS256'], issuer: APP_CLIENT.clientId });
    this.installationTokens.push(installation);
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    return { status: 201, body: { token: `installation-token-${installation}`, expires_at, permissions: { contents: 'read' } } };
  }
}

function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
}
