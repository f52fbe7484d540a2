export {
  connectAgent,
  type Agent,
  type AgentOptions,
  type ExecuteOptions,
  type PatientOptions,
  type ToolQuery,
} from './agent.js';
export { ApiError, JsonClient } from './json-client.js';
export { KeywardError, type ExecutionResult, type Receipt, type ToolListing, type WaitingFor } from '@keyward/contracts';
