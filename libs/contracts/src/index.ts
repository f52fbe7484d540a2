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
export { valueAt } from './pointer.js';
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
  connectionAuthorizationSchema,
  connectionEventNames,
  connectionEventSchema,
  connectionKinds,
  connectionSchema,
  connectionStatuses,
  connectionTestSchema,
  connectSessionSchema,
  controlRevokedSchema,
  connectSessionStates,
  connectSessionStatusSchema,
  createConnectSessionSchema,
  createWorkspaceSessionSchema,
  providerRevocationSchema,
  providerRevocationStates,
  revokeConnectionsSchema,
  type ConnectSession,
  type Connection,
  type ConnectionAuthorization,
  type ConnectionEvent,
  type ConnectionEventName,
  type ConnectionKind,
  type ConnectionStatus,
  type ConnectionTest,
  type ControlRevoked,
  type ConnectSessionStatus,
  type CreateConnectSession,
  type CreateWorkspaceSession,
  type ProviderRevocationState,
  type RevokeConnections,
} from './connection.js';
export {
  createConnectionSchema,
  erasedUserSchema,
  replaceConnectionAgentsSchema,
  revokedConnectionsSchema,
  type CreateConnection,
  type ErasedUser,
  type RevokedConnections,
} from './connection-requests.js';
export {
  rewrapProgressSchema,
  rewrapReportSchema,
  rewrapRequestSchema,
  rotatedDataKeySchema,
  shreddedOrganizationSchema,
  shredOrganizationSchema,
  type RewrapProgress,
  type RewrapSummary,
  type ShreddedOrganization,
  type ShredOrganization,
} from './vault-admin.js';
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
  clientRegistrations,
  createAgentSchema,
  createdAgentKeySchema,
  createOrganizationSchema,
  createProviderAppSchema,
  MAX_KEY_OVERLAP_SECONDS,
  natsCredentialsSchema,
  organizationSchema,
  permissionLevels,
  providerAppSchema,
  rotateAgentKeySchema,
  rotatedAgentKeySchema,
  tokenReleaseSchema,
  updateOrganizationSchema,
  userClaims,
  type Agent,
  type Assignment,
  type ClientRegistration,
  type Organization,
  type PermissionLevel,
  type TokenRelease,
  type UserClaim,
} from './agent.js';
export { agentKeySecretHash, formatAgentKey, parseAgentKey, type AgentKeyParts } from './agent-key.js';
export { toolEffects, toolListingSchema, toolListSchema, type ToolEffect, type ToolListing } from './tool-listing.js';
export { deadLetterSchema, type DeadLetter } from './dead-letter.js';
export {
  authRequests,
  connectSessionReplySchema,
  connectSessionRequestSchema,
  workloadReplySchema,
  workloadRequestSchema,
  type ConnectSessionReply,
  type ConnectSessionRequest,
  type WorkloadReply,
  type WorkloadRequest,
} from './auth-requests.js';
export {
  agentManifestSchema,
  appliedManifestSchema,
  manifestGapSchema,
  putManifestSchema,
  storedManifestSchema,
  type AgentManifest,
  type AppliedManifest,
  type StoredManifest,
} from './agent-manifest.js';
export { createMemberSchema, memberRoles, memberSchema, updateMemberSchema, type Member, type MemberRole } from './member.js';
export {
  createTrustedIssuerSchema,
  createWorkloadBindingSchema,
  trustedIssuerSchema,
  workloadBindingSchema,
} from './workload.js';
export {
  CUSTODY_TOKEN_TYPE,
  custodyAnswerSchemas,
  custodyOperations,
  custodyReplySchema,
  custodyRequestSchemas,
  custodySubject,
  releasedTokenSchema,
  type CustodyOperation,
  type CustodyReply,
} from './custody.js';
export {
  connectorDetailSchema,
  connectorSchema,
  controlCatalogChangedSchema,
  postConnectorSchema,
  type Connector,
  type ConnectorDetail,
  type ControlCatalogChanged,
  type PostConnector,
} from './connector.js';
