import type { ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { HostileServer, type ReceivedRequest } from '../hostile-server.js';
import { html, json, redirect } from './answers.js';
import { answerAuthorization } from './authorize.js';
import type { HostileBehaviour } from './behaviour.js';
import { challengeOf, DEEP, HUGE, metadataOf, resourceMetadataOf } from './documents.js';
import { answerRegistration } from './registration.js';
import { answerTokenRequest, type Codes } from './token.js';

/** An authorization server, and the MCP server that trusts it, which attack whoever comes: as `behaviour` says, and otherwise not at all. */
export class HostileAuthorizationServer {
  private readonly codes: Codes = new Map();

  private constructor(
    private readonly server: HostileServer,
    /** May be replaced at any time. */
    public behaviour: HostileBehaviour,
  ) {
    server.answer = (request, response, body) => this.answer(new URL(request.url ?? '/', server.origin), body, response);
  }

  static async start(behaviour: HostileBehaviour = {}): Promise<HostileAuthorizationServer> {
    return new HostileAuthorizationServer(await HostileServer.start(), behaviour);
  }

  /** Where it listens. */
  get origin(): string {
    return this.server.origin;
  }

  /** What it calls itself. */
  get issuer(): string {
    return this.behaviour.publicUrl ?? this.server.origin;
  }

  /** Identifier of its MCP server. */
  get resource(): string {
    return `${this.issuer}/mcp`;
  }

  /** Everything it was ever sent. */
  get requests(): readonly ReceivedRequest[] {
    return this.server.requests;
  }

  /** Forms that came to the token endpoint. */
  tokenRequests(): URLSearchParams[] {
    return this.requests.filter(({ url }) => url.startsWith('/token')).map(({ body }) => new URLSearchParams(body));
  }

  /** Codes that anybody has sent here, to whichever endpoint: after an attack there should be none. */
  codesReceived(): string[] {
    const texts = this.requests.flatMap(({ url, body }) => [new URL(url, this.origin).search.slice(1), body]);
    return texts.flatMap((text) => new URLSearchParams(text).getAll('code'));
  }

  readonly stop = (): Promise<void> => this.server.stop();

  private answer({ pathname, searchParams }: URL, body: string, response: ServerResponse): void {
    const { behaviour, issuer } = this;
    if (pathname === '/authorize') {
      return answerAuthorization(
        behaviour.authorize ?? { kind: 'honest' },
        searchParams,
        { issuer, newCode: this.newCode },
        response,
      );
    }
    if (pathname === '/token') return answerTokenRequest(behaviour, new URLSearchParams(body), this.codes, response);
    if (pathname === '/register') return answerRegistration(behaviour, body, response);
    if (pathname === '/revoke') return json(response, 200, {});
    if (pathname === '/mcp') {
      return json(response, 401, {}, { 'www-authenticate': challengeOf(behaviour.resource ?? 'honest', issuer) });
    }
    if (pathname === '/.well-known/oauth-protected-resource/mcp') return this.answerResource(response);
    if (pathname === '/.well-known/oauth-authorization-server') return this.answerMetadata(response);
    return json(response, 404, { error: 'not_found' });
  }

  private answerResource(response: ServerResponse): void {
    const attack = this.behaviour.resource ?? 'honest';
    if (attack === 'redirect') return redirect(response, 302, this.behaviour.redirectTo ?? '/elsewhere');
    if (attack === 'huge') return json(response, 200, HUGE);
    if (attack === 'deep') return json(response, 200, DEEP);
    json(response, 200, resourceMetadataOf(attack, this.issuer));
  }

  private answerMetadata(response: ServerResponse): void {
    const attack = this.behaviour.metadata ?? 'honest';
    if (attack === 'redirect') return redirect(response, 302, this.behaviour.redirectTo ?? '/elsewhere');
    if (attack === 'html') return html(response);
    if (attack === 'huge') return json(response, 200, HUGE);
    if (attack === 'deep') return json(response, 200, DEEP);
    if (attack === 'unavailable') return json(response, 503, {});
    json(response, 200, metadataOf(attack, this.issuer));
  }

  private readonly newCode = (challenge: string | null): string => {
    const code = randomUUID();
    this.codes.set(code, challenge);
    return code;
  };
}

export function startHostileAuthorizationServer(behaviour: HostileBehaviour = {}): Promise<HostileAuthorizationServer> {
  return HostileAuthorizationServer.start(behaviour);
}
