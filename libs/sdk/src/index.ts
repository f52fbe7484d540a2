export { connectAgent, type Agent, type AgentOptions, type ExecuteOptions, type ToolQuery } from './agent.js';
export { ApiError, JsonClient } from './json-client.js';
export { KeywardError, type ExecutionResult, type Receipt, type ToolListing } from '@keyward/contracts';
