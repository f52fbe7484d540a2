export { idSchema, newId, slugSchema, userIdSchema, type IdPrefix } from './ids.js';
export { headers, parseToolExecuteSubject, streams, subjects, type AgentAddress } from './subjects.js';
export {
  asKeywardError,
  errorCodes,
  fromProblem,
  KeywardError,
  toProblem,
  type ErrorCode,
  type ErrorDetails,
  type Problem,
} from './errors.js';
export { jsonPointer, parseOrThrow, problemSchema } from './problem.js';
export { parseBoundedJson, REQUEST_BOUNDS, type JsonBounds } from './json.js';
export {
  executeBodySchema,
  EXECUTION_TIMEOUT_MS,
  executionRequestedSchema,
  executionResultSchema,
  executionStates,
  receiptSchema,
  toolExecuteSchema,
  toolNameSchema,
  type ExecuteBody,
  type ExecutionRequested,
  type ExecutionResult,
  type ExecutionState,
  type Receipt,
  type ToolExecute,
} from './execution.js';
export {
  connectionEventNames,
  connectionEventSchema,
  connectionSchema,
  connectionStatuses,
  connectSessionSchema,
  controlRevokedSchema,
  createConnectSessionSchema,
  providerRevocationSchema,
  providerRevocationStates,
  type ConnectSession,
  type Connection,
  type ConnectionEvent,
  type ConnectionEventName,
  type ConnectionStatus,
  type ControlRevoked,
  type CreateConnectSession,
  type ProviderRevocationState,
} from './connection.js';
export { refreshReplySchema, refreshRequestSchema, type RefreshReply, type RefreshRequest } from './refresh.js';
export {
  AUDIT_SCHEMA_VERSION,
  auditEventSchema,
  auditEventTypes,
  auditRecordSchema,
  type AuditEvent,
  type AuditEventType,
  type AuditRecord,
} from './audit-event.js';
export {
  AGENT_KEY_PATTERN,
  agentKeySchema,
  agentSchema,
  assignmentSchema,
  createAgentSchema,
  createdAgentKeySchema,
  createOrganizationSchema,
  createProviderAppSchema,
  natsCredentialsSchema,
  organizationSchema,
  permissionLevels,
  providerAppSchema,
  type Agent,
  type Assignment,
  type PermissionLevel,
} from './agent.js';
export { agentKeySecretHash, formatAgentKey, parseAgentKey, type AgentKeyParts } from './agent-key.js';
export { toolEffects, toolListingSchema, toolListSchema, type ToolEffect, type ToolListing } from './tool-listing.js';
export { deadLetterSchema, type DeadLetter } from './dead-letter.js';
export {
  authRequests,
  connectSessionReplySchema,
  connectSessionRequestSchema,
  type ConnectSessionReply,
  type ConnectSessionRequest,
} from './auth-requests.js';
