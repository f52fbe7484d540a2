import type { ExecutionResult, Receipt, ToolListing } from '@keyward/contracts';
import { KeywardError } from '@keyward/contracts';

/** At least one of the two doors: `natsUrl` with `credsFile`, or `gatewayUrl` with `agentKey`. With both, calls go over NATS. */
export interface AgentOptions {
  natsUrl?: string;
  /** Path of the `.creds` file; it is read again at every reconnect, so replacing the file renews the credentials. */
  credsFile?: string;
  gatewayUrl?: string;
  agentKey?: string;
}

export interface ExecuteOptions {
  arguments?: Record<string, unknown>;
  /** On whose behalf: the person whose connection is used. */
  user: string;
  connection?: string;
  /** Makes a repeated call safe: same key and same arguments give the same result, executed once. */
  idempotencyKey?: string;
  /** 100 to 300,000; default 30,000. */
  timeoutMs?: number;
  /** Checks everything up to the provider and sends nothing. */
  dryRun?: boolean;
}

export interface ToolQuery {
  connector?: string;
  search?: string;
  /** Fills in `connectionStatus` for this person. */
  user?: string;
}

export interface Agent {
  /** Every tool assigned to this agent, all pages. Asked over HTTP. */
  tools(query?: ToolQuery): Promise<ToolListing[]>;
  /** @returns the result of a call that succeeded. @throws KeywardError with the code of what ended it otherwise. */
  execute(tool: string, options: ExecuteOptions): Promise<ExecutionResult>;
  /** The outcome of an earlier call, kept 24 h; a receipt while there is none yet. Asked over HTTP. */
  execution(id: string): Promise<ExecutionResult | Receipt>;
  close(): Promise<void>;
}

export async function connectAgent(_options: AgentOptions): Promise<Agent> {
  throw new KeywardError('internal', 'not yet');
}
