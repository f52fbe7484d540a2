export type { AuditPort } from './audit-port.js';
export { AUDIT_BOUNDS, buildAuditEvent, parseAuditEvent, type AuditEventFields } from './audit-event.js';
export { CheckpointRejected, readCheckpoint, type CheckpointFault, type ReadCheckpoint } from './checkpoint/read.js';
export { signCheckpoint } from './checkpoint/sign.js';
export type { CheckpointSigner } from './checkpoint/signer.js';
export { checkpointStatementSchema, type CheckpointAlgorithm, type CheckpointStatement } from './checkpoint/statement.js';
export {
  exportLine,
  exportLineSchema,
  type ExportCheckpoint,
  type ExportEnd,
  type ExportEvent,
  type ExportHeader,
  type ExportLine,
} from './export/lines.js';
export {
  exportFaults,
  type ExportFault,
  type ExportFaultReason,
  type ExportProof,
  type ExportSummary,
  type ExportVerdict,
} from './export/verdict.js';
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
export { recordedArguments, type ArgumentRules } from './recorded-arguments.js';
export { escapeUnsafe, truncate } from './safe-text.js';
