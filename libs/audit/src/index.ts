export type { AuditPort } from './audit-port.js';
export { AUDIT_BOUNDS, buildAuditEvent, parseAuditEvent, type AuditEventFields } from './audit-event.js';
export {
  canonicalJson,
  chainHash,
  chainHashOfCanonical,
  GENESIS_HASH,
  verifyChain,
  type ChainPosition,
  type ChainVerdict,
  type VerifyOptions,
} from './chain.js';
export { escapeUnsafe, truncate } from './safe-text.js';
