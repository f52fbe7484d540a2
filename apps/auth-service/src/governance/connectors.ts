import {
  checkPosted,
  ConnectorError,
  parseConnector,
  type Catalog,
  type Catalogs,
  type Connector as Parsed,
} from '@keyward/connectors';
import { KeywardError, type Connector, type ConnectorDetail, type PostConnector } from '@keyward/contracts';
import { AssignmentEntity, ConnectorEntity, TokenReleaseEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireOrganization } from '../identity/agents.js';
import { asConflict } from '../identity/unique.js';
import { recordAudit, type Actor } from '../records/record.js';
import { asStored, requireReplaceable, requireUnused } from './connector-use.js';
import { toConnector, toDetail } from './connector-view.js';

const PAGE_SIZE = 100;
/** Each is read in every service that the organization calls through. */
const MAX_PER_ORGANIZATION = 50;

export interface ConnectorFilter {
  search?: string | undefined;
  category?: string | undefined;
  /** Name at which the page before ended. */
  cursor?: string | undefined;
}

/** What an organization can connect to: the deployment's connectors, and those that it posted itself. */
export class Connectors {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalogs: Catalogs,
    private readonly announce: (org: string) => Promise<void>,
  ) {}

  /** By name. @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string, filter: ConnectorFilter): Promise<{ connectors: Connector[]; nextCursor: string | null }> {
    const posted = await this.#posted(org);
    const catalog = await this.catalogs.of(org);
    const wanted = filter.search?.toLowerCase();
    const found = catalog
      .connectors()
      .filter(({ categories }) => filter.category === undefined || categories.some((category) => category === filter.category))
      .filter(
        ({ name, title, description }) =>
          wanted === undefined || `${name}\n${title}\n${description}`.toLowerCase().includes(wanted),
      )
      .filter(({ name }) => filter.cursor === undefined || name > filter.cursor)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const page = found
      .slice(0, PAGE_SIZE)
      .map((manifest) => toConnector(manifest, catalog.toolsOf(manifest.name), posted.get(manifest.name)));
    return { connectors: page, nextCursor: found.length > PAGE_SIZE ? (page.at(-1)?.name ?? null) : null };
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, name: string): Promise<ConnectorDetail> {
    const posted = await this.#posted(org);
    const catalog = await this.catalogs.of(org);
    const manifest = catalog.connector(name);
    if (manifest === undefined) throw noSuchConnector();
    return toDetail(manifest, catalog.toolsOf(name), posted.get(name));
  }

  /**
   * A new connector, or the next version of one that the organization posted before.
   * @throws KeywardError `not_found` (organization), `invalid_request` (each problem with its line), `conflict` (in use, too many, changed
   * at the same time), `dependency_unavailable`
   */
  async post({ organization: org, manifest: text, tools }: PostConnector, actor: Actor): Promise<ConnectorDetail> {
    await withOrg(this.dataSource, org, (em) => requireOrganization(em, org));
    this.catalogs.forget(org);
    const catalog = await this.catalogs.of(org);
    const parsed = await parse(org, text, tools, catalog, this.catalogs.deployment);
    const { name } = parsed.manifest;
    const row = await withOrg(this.dataSource, org, async (em) => {
      const before = await lockConnector(em, org, name);
      if (before === null) await requireRoom(em, org);
      const stored = before === null ? undefined : asStored(before);
      await requireReplaceable(em, { org, before: stored, after: parsed.manifest });
      const next = {
        orgId: org,
        name,
        version: (before?.version ?? 0) + 1,
        manifest: text,
        tools: tools ?? null,
        updatedAt: new Date(),
      };
      if (before === null) await em.insert(ConnectorEntity, next);
      else await em.update(ConnectorEntity, { orgId: org, name }, next);
      await recordAudit(em, { type: 'connector.posted', org, actor, provider: name, reason: `version ${next.version}` });
      return next;
    }).catch(asConflict('A connector with this name was posted at the same time. Look at it and try again.'));
    await this.announce(org);
    return toDetail(parsed.manifest, parsed.tools, row);
  }

  /**
   * Its assignments and token releases go with it, so that they do not come back with another connector of the same name.
   * @throws KeywardError `not_found`, `conflict` (in use), `dependency_unavailable`
   */
  async remove(org: string, name: string, actor: Actor): Promise<void> {
    await withOrg(this.dataSource, org, async (em) => {
      if ((await lockConnector(em, org, name)) === null) throw noSuchConnector();
      await requireUnused(em, org, name);
      await em.delete(AssignmentEntity, { orgId: org, connector: name });
      await em.delete(TokenReleaseEntity, { orgId: org, provider: name });
      await em.delete(ConnectorEntity, { orgId: org, name });
      await recordAudit(em, { type: 'connector.removed', org, actor, provider: name });
    });
    await this.announce(org);
  }

  async #posted(org: string): Promise<Map<string, ConnectorEntity>> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      return em.findBy(ConnectorEntity, { orgId: org });
    });
    return new Map(rows.map((row) => [row.name, row]));
  }
}

export function noSuchConnector(): KeywardError {
  return new KeywardError('not_found', 'There is no such connector.');
}

/** The one it replaces does not stand in its own way; one of the deployment always does. */
async function parse(
  org: string,
  text: string,
  tools: string | undefined,
  catalog: Catalog,
  deployment: Catalog,
): Promise<Parsed> {
  try {
    const { manifest } = parseConnector(text, undefined, deployment);
    const parsed = parseConnector(text, tools, catalog.without(manifest.name), org);
    await checkPosted(parsed.tools);
    return parsed;
  } catch (error) {
    throw error instanceof ConnectorError ? invalidConnector(error) : error;
  }
}

/** Pointers are into the request; where in the text it is, the detail says. */
function invalidConnector({ problems }: ConnectorError): KeywardError {
  const errors = problems.map(({ file, line, pointer, detail }) => ({
    pointer: file === 'tools.yaml' ? '/tools' : '/manifest',
    detail: `line ${line}, ${pointer || '/'}: ${detail}`,
  }));
  const [first] = errors;
  const rest = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
  return new KeywardError('invalid_request', `The connector is not valid (${first?.pointer}: ${first?.detail}${rest}).`, {
    details: { errors },
  });
}

function lockConnector(em: EntityManager, org: string, name: string): Promise<ConnectorEntity | null> {
  return em.findOne(ConnectorEntity, { where: { orgId: org, name }, lock: { mode: 'pessimistic_write' } });
}

async function requireRoom(em: EntityManager, org: string): Promise<void> {
  if ((await em.countBy(ConnectorEntity, { orgId: org })) < MAX_PER_ORGANIZATION) return;
  throw new KeywardError('conflict', `An organization has at most ${MAX_PER_ORGANIZATION} connectors of its own.`);
}
