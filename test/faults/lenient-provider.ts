import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HostileServer } from '@keyward/testing/hostile-server';
import { GRACE_SECONDS } from './behaviours.js';

interface Family {
  grant: string;
  /** The latest is the last; those before it are good until they end. */
  access: string[];
  refresh: string;
  /** The token that was rotated last, which is still taken for a while, and then answered as it was then. */
  before: { refresh: string; takenUntil: number } | undefined;
  rotations: number;
}

const ACCESS_TOKEN_SECONDS = 120;
const token = (kind: string) => `${kind}_${randomBytes(16).toString('base64url')}`;

/**
 * An authorization server that rotates refresh tokens and gives the same answer again to whoever shows the one just rotated, for
 * GRACE_SECONDS. A token that comes later, or is older, ends the family, as at any server that rotates (RFC 9700 section 4.14.2).
 */
export class LenientProvider {
  readonly #families = new Map<string, Family>();
  reuseDetections = 0;
  /** Of requests to come: refused with these statuses before anything is looked at. */
  readonly refusals: number[] = [];

  private constructor(
    private readonly server: HostileServer,
    private readonly client: { id: string; secret: string },
  ) {
    server.answer = (request, response, body) => this.#answer(request, response, body);
  }

  static async start(client: { id: string; secret: string }): Promise<LenientProvider> {
    return new LenientProvider(await HostileServer.start(), client);
  }

  get url(): string {
    return this.server.origin;
  }

  issue(): { grant: string; access_token: string; refresh_token: string } {
    const family: Family = { grant: token('g'), access: [token('a')], refresh: token('r'), before: undefined, rotations: 0 };
    this.#families.set(family.grant, family);
    return { grant: family.grant, access_token: latest(family), refresh_token: family.refresh };
  }

  /** Undefined: the grant is no more. */
  rotations(grant: string): number | undefined {
    return this.#families.get(grant)?.rotations;
  }

  isCurrent(refresh: string): boolean {
    return [...this.#families.values()].some((family) => family.refresh === refresh);
  }

  takes(access: string): boolean {
    return [...this.#families.values()].some((family) => family.access.includes(access));
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  #answer({ url, headers }: IncomingMessage, response: ServerResponse, body: string): void {
    const send = (status: number, answer: object) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    // RFC 6749 section 2.3.1: both are form-encoded first.
    const [id = '', secret = ''] = Buffer.from(headers.authorization?.slice('Basic '.length) ?? '', 'base64')
      .toString()
      .split(':');
    if (decodeURIComponent(id) !== this.client.id || decodeURIComponent(secret) !== this.client.secret)
      return send(401, { error: 'invalid_client' });
    const parameters = new URLSearchParams(body);
    if (url === '/token/revocation') {
      const shown = parameters.get('token') ?? '';
      const family = this.#find(shown) ?? [...this.#families.values()].find(({ access }) => access.includes(shown));
      if (family !== undefined) this.#families.delete(family.grant);
      return send(200, {});
    }
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return send(refusal, { error: 'temporarily_unavailable' });
    return this.#refresh(parameters.get('refresh_token') ?? '', send);
  }

  #refresh(shown: string, send: (status: number, answer: object) => void): void {
    const family = this.#find(shown);
    if (family === undefined) return send(400, { error: 'invalid_grant' });
    if (family.refresh === shown) {
      family.before = { refresh: shown, takenUntil: performance.now() + GRACE_SECONDS * 1000 };
      family.refresh = token('r');
      family.access.push(token('a'));
      family.rotations++;
    } else if (family.before?.refresh !== shown || family.before.takenUntil < performance.now()) {
      this.reuseDetections++;
      this.#families.delete(family.grant);
      return send(400, { error: 'invalid_grant' });
    }
    this.#rotatedBy.set(shown, family.grant);
    send(200, {
      access_token: latest(family),
      refresh_token: family.refresh,
      token_type: 'Bearer',
      expires_in: ACCESS_TOKEN_SECONDS,
    });
  }

  /** Tokens that are spent, and of which family they were. */
  readonly #rotatedBy = new Map<string, string>();

  #find(refresh: string): Family | undefined {
    const spentBy = this.#rotatedBy.get(refresh);
    if (spentBy !== undefined) return this.#families.get(spentBy);
    return [...this.#families.values()].find((family) => family.refresh === refresh);
  }
}

function latest({ access }: Family): string {
  return access.at(-1) ?? '';
}
