import { createCatalogs, watchCatalog, type Catalogs } from '@keyward/connectors';
import type { ControlRevoked } from '@keyward/contracts';
import { createAuditPublisher, createPublisher, onRevoked, openNats, ReplyInbox, onCatalogChanged } from '@keyward/jetstream';
import { openObjectStore } from '@keyward/objects-open';
import { createConnectorLoader, createOverlayLoader, findAgentKey, openDatabase } from '@keyward/postgres';
import { catalogReloads, type ConfigOf, type ServiceHost } from '@keyward/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import { ArtifactReader } from './artifacts/artifact-reader.js';
import type { gatewayConfig } from './config.js';
import { ConnectSessions } from './connections/connect-sessions.js';
import { Connections } from './connections/connections.js';
import { NatsDoor } from './doors/nats/nats-door.js';
import { tellAgents } from './doors/nats/tell-agents.js';
import { Executions } from './execute/executions.js';
import { KeptResults } from './execute/kept-results.js';
import { Refusals } from './execute/refusals.js';
import { Standing } from './execute/standing.js';
import { SLOT_LIMITS, WaitSlots } from './execute/wait-slots.js';
import { Authenticator, type BearerCredentials } from './identity/authenticator.js';
import { checkAgentKey } from './identity/check-agent-key.js';
import { checkWorkload } from './identity/check-workload.js';
import { CredentialCache } from './identity/credential-cache.js';
import { createMetrics } from './metrics.js';
import { Assignments } from './tools/assignments.js';
import { loadAssignments } from './tools/load-assignments.js';

export type GatewayHost = ServiceHost<ConfigOf<typeof gatewayConfig>>;

const POOL_SIZE = 5;
/** Unbinding a workload is broadcast; this is for when that was missed, and the cost of asking auth-service is why it is not shorter. */
const WORKLOAD_VERIFIED_MS = 300_000;

/** Everything the doors need, each made once. */
export interface Gateway {
  artifacts: ArtifactReader;
  natsDoor: NatsDoor;
  authenticator: Authenticator;
  assignments: Assignments;
  catalogs: Catalogs;
  connections: Connections;
  sessions: ConnectSessions;
  executions: Executions;
  standing: Standing;
}

export async function createGateway(host: GatewayHost): Promise<Gateway> {
  const { config, logger } = host;
  const catalog = watchCatalog({
    ...config.connectors,
    ...{ onlyWithTools: true, logger },
    onReload: catalogReloads(host.metrics),
  });
  const metrics = createMetrics(host.metrics, catalog);
  host.onDrain('connectors', () => catalog.stop());
  const database = await openDatabase(host, { ...config.database, poolSize: POOL_SIZE });
  const nats = await openNats(host, config.nats, 'NATS, account KEYWARD');
  const agents = await openNats(host, config.agents, 'NATS, account AGENTS');
  const objects = config.objects === undefined ? undefined : await openObjectStore(config.objects);
  if (objects !== undefined) host.onDrain('object store', () => objects.close());
  host.onDrain('PostgreSQL', () => database.destroy());
  host.onDrain('NATS, account KEYWARD', () => nats.drain());
  host.onDrain('NATS, account AGENTS', () => agents.drain());

  const credentials: BearerCredentials = {
    keys: new CredentialCache((key) => checkAgentKey((keyId) => findAgentKey(database, keyId), key)),
    workloads: new CredentialCache((token) => checkWorkload(nats, token), { verifiedMs: WORKLOAD_VERIFIED_MS }),
  };
  const [load, loadOverlays] = [createConnectorLoader(database), createOverlayLoader(database)];
  const catalogs = createCatalogs({ deployment: catalog, load, loadOverlays, logger });
  onCatalogChanged(nats, ({ org }) => catalogs.forget(org), logger);
  const assignments = new Assignments((org, agent) => loadAssignments(database, { org, agent }));
  dropWhatIsRevoked(nats, [credentials.keys, credentials.workloads, assignments]);

  const publisher = createPublisher(nats);
  const slots = new WaitSlots(SLOT_LIMITS, metrics.waits);
  host.stopping.addEventListener('abort', () => setTimeout(() => slots.abandonAll(), config.drain.waitMs).unref());
  const executions = new Executions({
    catalogs,
    assignments,
    refusals: new Refusals(createAuditPublisher(publisher), metrics),
    slots,
    publisher,
    inbox: new ReplyInbox(nats),
    metrics,
  });
  const natsDoor = new NatsDoor(agents, executions, metrics, host.tracer, logger);
  const notices = tellAgents(nats, natsDoor, logger);
  host.onDrain('outcomes for agents', () => notices.close());
  return {
    artifacts: new ArtifactReader(database, objects),
    natsDoor,
    authenticator: new Authenticator(credentials, config.limits, metrics),
    assignments,
    catalogs,
    connections: new Connections(database),
    sessions: new ConnectSessions(nats),
    executions,
    standing: new Standing(nats, new KeptResults(nats)),
  };
}

interface Forgetful {
  forget(revoked: ControlRevoked): void;
  forgetAll(): void;
}

/** Whatever was revoked while the connection was down was not heard: everything is looked up again. */
function dropWhatIsRevoked(nats: NatsConnection, caches: readonly Forgetful[]): void {
  onRevoked(nats, (revoked: ControlRevoked) => {
    for (const cache of caches) cache.forget(revoked);
  });
  void (async () => {
    for await (const status of nats.status()) {
      if (status.type !== 'disconnect' && status.type !== 'reconnect') continue;
      for (const cache of caches) cache.forgetAll();
    }
  })();
}
