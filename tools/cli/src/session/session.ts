import type { Me, Organization } from '@keyward/contracts';
import { JsonClient } from '@keyward/sdk';
import { Hint } from '../output/fail.js';
import { Output } from '../output/output.js';
import { findTarget, required, type Target } from './target.js';

/** The options that every command has. */
export interface CommonOptions {
  url?: string | undefined;
  org?: string | undefined;
  json: boolean;
}

/** What a command works with. */
export class Session {
  readonly out: Output;
  readonly target: Target;
  private found: string | undefined;

  constructor(options: CommonOptions) {
    this.out = new Output(options.json);
    this.target = findTarget(options);
    this.found = this.target.org;
  }

  /** auth-service, as the person who is signed in. */
  get admin(): JsonClient {
    const url = required(
      this.target.authUrl,
      'No auth-service is known.',
      'Start a stack here (npm start), or: keyward login <url>',
    );
    return new JsonClient(url, required(this.target.token, 'Nobody is signed in.', `Sign in: keyward login ${url}`));
  }

  /** gateway, as an agent. */
  get agent(): JsonClient {
    const url = required(this.target.gatewayUrl, 'No gateway is known.', 'Set KEYWARD_GATEWAY_URL.');
    return new JsonClient(url, required(this.target.agentKey, 'No agent key is known.', 'Set KEYWARD_AGENT_KEY.'));
  }

  /** audit-service, as the person who is signed in. */
  get audit(): JsonClient {
    const url = required(
      this.target.auditUrl,
      'No audit-service is known.',
      'Set KEYWARD_AUDIT_URL, or: keyward login <url> --audit <url>',
    );
    const next = 'Set KEYWARD_TOKEN, or: keyward login <url> --audit <url>';
    return new JsonClient(url, required(this.target.auditToken, 'Nobody is signed in at that audit-service.', next));
  }

  /** The one that was named, or the only one there is. */
  async org(): Promise<string> {
    this.found ??= await this.#onlyOrg();
    return this.found;
  }

  /** `path` with the organization and whatever else is set as its query. */
  async path(path: string, query: Query = {}): Promise<string> {
    return withQuery(path, { organization: await this.org(), ...query });
  }

  /** All pages of a list at auth-service. */
  async all<T>(member: string, path: string, query: Query = {}): Promise<T[]> {
    return pagesOf<T>(this.admin, member, path, { organization: await this.org(), ...query });
  }

  /** All pages of a list that is no organization's. */
  everyPage<T>(member: string, path: string, query: Query = {}): Promise<T[]> {
    return pagesOf<T>(this.admin, member, path, query);
  }

  /** All pages of a list at the gateway, which knows the agent's organization. */
  allOfAgent<T>(member: string, path: string, query: Query = {}): Promise<T[]> {
    return pagesOf<T>(this.agent, member, path, query);
  }

  async #onlyOrg(): Promise<string> {
    const known = await this.#organizations();
    const [only, ...others] = known;
    if (only !== undefined && others.length === 0) return only.id;
    throw new Hint(
      'Which organization is meant?',
      only === undefined
        ? 'You are a member of none.'
        : `Name one with --org or KEYWARD_ORG:\n${known.map(({ id, slug }) => `  ${id}  ${slug}`).join('\n')}`,
    );
  }

  async #organizations(): Promise<{ id: string; slug: string }[]> {
    const me = await this.admin.get<Me>('/v1/me');
    if (me.kind === 'person') return me.memberships.map(({ organization, slug }) => ({ id: organization, slug }));
    return (await this.admin.get<{ organizations: Organization[] }>('/v1/organizations')).organizations;
  }
}

type Query = Readonly<Record<string, string | undefined>>;

function withQuery(path: string, query: Query): string {
  const set = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `${path}?${new URLSearchParams(set)}`;
}

async function pagesOf<T>(client: JsonClient, member: string, path: string, query: Query): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: Record<string, unknown> = await client.get(withQuery(path, { ...query, cursor }));
    items.push(...(page[member] as T[]));
    cursor = (page['nextCursor'] as string | null | undefined) ?? undefined;
  } while (cursor !== undefined);
  return items;
}
