import { ConnectorError, parseOverlay, type Catalogs } from '@keyward/connectors';
import { KeywardError, type ConnectorOverlay } from '@keyward/contracts';
import { ConnectorOverlayEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireOrganization } from '../identity/agents.js';
import { asConflict } from '../identity/unique.js';
import { recordAudit, type Actor } from '../records/record.js';
import { noSuchConnector } from './connectors.js';

/** What an organization changes about connectors of the deployment: tools that it hides, names anew, or fixes arguments of. */
export class Overlays {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalogs: Pick<Catalogs, 'deployment'>,
    private readonly announce: (org: string) => Promise<void>,
  ) {}

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, connector: string): Promise<ConnectorOverlay> {
    return withOrg(this.dataSource, org, async (em) => {
      const row = await em.findOneBy(ConnectorOverlayEntity, { orgId: org, connector });
      if (row === null) throw noSuchOverlay();
      return toOverlay(row);
    });
  }

  /**
   * The first one, or the next version.
   * @throws KeywardError `not_found` (organization; connector of the deployment), `invalid_request` (each problem with its line),
   * `conflict` (changed at the same time), `dependency_unavailable`
   */
  async put(org: string, connector: string, text: string, actor: Actor): Promise<ConnectorOverlay> {
    const { deployment } = this.catalogs;
    if (deployment.connector(connector) === undefined) throw noSuchConnector();
    check(() => {
      if (parseOverlay(text, deployment).connector !== connector) throw ofAnother(connector);
    });
    const row = await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      const before = await lock(em, org, connector);
      const next = { orgId: org, connector, version: (before?.version ?? 0) + 1, definition: text, updatedAt: new Date() };
      if (before === null) await em.insert(ConnectorOverlayEntity, next);
      else await em.update(ConnectorOverlayEntity, { orgId: org, connector }, next);
      await recordAudit(em, { type: 'connector.overlaid', org, actor, provider: connector, reason: `version ${next.version}` });
      return next;
    }).catch(asConflict('The overlay of this connector was changed at the same time. Look at it and try again.'));
    await this.announce(org);
    return toOverlay(row);
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async remove(org: string, connector: string, actor: Actor): Promise<void> {
    await withOrg(this.dataSource, org, async (em) => {
      if ((await lock(em, org, connector)) === null) throw noSuchOverlay();
      await em.delete(ConnectorOverlayEntity, { orgId: org, connector });
      await recordAudit(em, { type: 'connector.overlay_removed', org, actor, provider: connector });
    });
    await this.announce(org);
  }
}

export function noSuchOverlay(): KeywardError {
  return new KeywardError('not_found', 'There is no overlay of this connector.');
}

function toOverlay({
  connector,
  version,
  definition,
}: Pick<ConnectorOverlayEntity, 'connector' | 'version' | 'definition'>): ConnectorOverlay {
  return { connector, version, overlay: definition };
}

function lock(em: EntityManager, org: string, connector: string): Promise<ConnectorOverlayEntity | null> {
  return em.findOne(ConnectorOverlayEntity, { where: { orgId: org, connector }, lock: { mode: 'pessimistic_write' } });
}

/** Pointers are into the request; where in the text it is, the detail says. */
function check(parse: () => void): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const errors = error.problems.map(({ line, pointer, detail }) => ({
      pointer: '/overlay',
      detail: `line ${line}, ${pointer || '/'}: ${detail}`,
    }));
    throw new KeywardError('invalid_request', `The overlay is not valid (${errors[0]?.detail}).`, { details: { errors } });
  }
}

function ofAnother(connector: string): KeywardError {
  const errors = [{ pointer: '/overlay', detail: `/connector: must be "${connector}", as in the address` }];
  return new KeywardError('invalid_request', 'The overlay is one of another connector.', { details: { errors } });
}
