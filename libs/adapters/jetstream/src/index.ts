export { ask } from './ask.js';
export { askAuthService } from './ask-auth-service.js';
export { startBusClock, type BusClock } from './bus-clock.js';
export { createAuditPublisher } from './audit-publisher.js';
export { broadcastCancelled, onCancelled } from './cancellations.js';
export { broadcastBudgetsChanged, onBudgetsChanged } from './budget-changes.js';
export { broadcastCatalogChanged, onCatalogChanged } from './catalog-changes.js';
export { onConnectionEvent } from './connection-events.js';
export { connectNats, type ConnectOptions } from './connect.js';
export { linkOf, type Link } from './link.js';
export { type LogPort } from './log-port.js';
export { lookUpQueued, type Queued } from './queued.js';
export { openNats, type ConnectionOwner } from './open-nats.js';
export { createPublisher, isRefusedSequence, type Publisher, type PublishOptions } from './publisher.js';
export { broadcastProviderPaused, onProviderPaused } from './provider-pauses.js';
export { broadcastRefreshPaused, onRefreshPaused } from './refresh-pauses.js';
export { requestRefresh } from './refresh-request.js';
export { ReplyInbox, type ExpectedReply } from './reply-inbox.js';
export { serveMicroService, type MicroServiceDescription, type MicroServiceEndpoint } from './micro-service.js';
export {
  serveRequests,
  type RequestContext,
  type RequestHandler,
  type RequestServer,
  type RequestServerOptions,
} from './request-server.js';
export { broadcastRevoked, onRevoked } from './revocations.js';
export { JetStreamBatchServer, type BatchMessage, type BatchServerOptions } from './server/batch-server.js';
export { type JetStreamContext } from './server/context.js';
export { JetStreamServer } from './server/jetstream-server.js';
export { type JetStreamServerOptions } from './server/options.js';
export { ensureTopology, type TopologyOptions } from './topology.js';
