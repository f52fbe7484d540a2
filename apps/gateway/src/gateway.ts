import { createCatalogs, loadCatalog, type Catalogs } from '@keyward/connectors';
import type { ControlRevoked } from '@keyward/contracts';
import { createAuditPublisher, createPublisher, onRevoked, openNats, ReplyInbox, onCatalogChanged } from '@keyward/jetstream';
import { createConnectorLoader, openDatabase } from '@keyward/postgres';
import type { ConfigOf, ServiceHost } from '@keyward/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import type { gatewayConfig } from './config.js';
import { ConnectSessions } from './connections/connect-sessions.js';
import { Connections } from './connections/connections.js';
import { NatsDoor } from './doors/nats/nats-door.js';
import { Executions } from './execute/executions.js';
import { KeptResults } from './execute/kept-results.js';
import { PendingExecutions } from './execute/pending-executions.js';
import { Refusals } from './execute/refusals.js';
import { SLOT_LIMITS, WaitSlots } from './execute/wait-slots.js';
import { AgentKeys } from './identity/agent-keys.js';
import { Authenticator } from './identity/authenticator.js';
import { findAgentKey } from './identity/find-agent-key.js';
import { createMetrics } from './metrics.js';
import { Assignments } from './tools/assignments.js';
import { loadAssignments } from './tools/load-assignments.js';

export type GatewayHost = ServiceHost<ConfigOf<typeof gatewayConfig>>;

const POOL_SIZE = 5;

/** Everything the doors need, each made once. */
export interface Gateway {
  natsDoor: NatsDoor;
  authenticator: Authenticator;
  assignments: Assignments;
  catalogs: Catalogs;
  connections: Connections;
  sessions: ConnectSessions;
  executions: Executions;
  kept: KeptResults;
  pending: PendingExecutions;
}

export async function createGateway(host: GatewayHost): Promise<Gateway> {
  const { config, logger } = host;
  const catalog = loadCatalog(config.connectors.dir, config.connectors.variables);
  const metrics = createMetrics(host.metrics);
  const database = await openDatabase(host, { ...config.database, poolSize: POOL_SIZE });
  const nats = await openNats(host, config.nats, 'NATS, account KEYWARD');
  const agents = await openNats(host, config.agents, 'NATS, account AGENTS');
  host.onDrain('PostgreSQL', () => database.destroy());
  host.onDrain('NATS, account KEYWARD', () => nats.drain());
  host.onDrain('NATS, account AGENTS', () => agents.drain());

  const keys = new AgentKeys((keyId) => findAgentKey(database, keyId));
  const catalogs = createCatalogs({ deployment: catalog, load: createConnectorLoader(database), logger });
  onCatalogChanged(nats, ({ org }) => catalogs.forget(org), logger);
  const assignments = new Assignments((org, agent) => loadAssignments(database, { org, agent }));
  dropWhatIsRevoked(nats, keys, assignments);

  const publisher = createPublisher(nats);
  const slots = new WaitSlots(SLOT_LIMITS, metrics.waits);
  host.stopping.addEventListener('abort', () => setTimeout(() => slots.abandonAll(), config.drain.waitMs).unref());
  const pending = new PendingExecutions();
  const executions = new Executions({
    catalogs,
    assignments,
    refusals: new Refusals(createAuditPublisher(publisher), metrics),
    slots,
    pending,
    publisher,
    inbox: new ReplyInbox(nats),
    metrics,
  });
  return {
    natsDoor: new NatsDoor(agents, executions, metrics, host.tracer, logger),
    authenticator: new Authenticator(keys, config.limits, metrics),
    assignments,
    catalogs,
    connections: new Connections(database),
    sessions: new ConnectSessions(nats),
    executions,
    kept: new KeptResults(nats),
    pending,
  };
}

/** Whatever was revoked while the connection was down was not heard: everything is looked up again. */
function dropWhatIsRevoked(nats: NatsConnection, keys: AgentKeys, assignments: Assignments): void {
  onRevoked(nats, (revoked: ControlRevoked) => {
    keys.forget(revoked);
    assignments.forget(revoked);
  });
  void (async () => {
    for await (const status of nats.status()) {
      if (status.type !== 'disconnect' && status.type !== 'reconnect') continue;
      keys.forgetAll();
      assignments.forgetAll();
    }
  })();
}
