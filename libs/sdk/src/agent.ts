import { KeywardError, type ExecutionResult, type Receipt, type ToolListing } from '@keyward/contracts';
import { HttpDoor } from './http-door.js';
import { NatsDoor } from './nats-door.js';
import { requireSuccess } from './outcome.js';

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

/**
 * Opens the doors that the options name. Nothing is read from the environment.
 * @throws KeywardError `invalid_request` (options or credentials file), `unauthenticated`, `dependency_unavailable`
 */
export async function connectAgent(options: AgentOptions): Promise<Agent> {
  const http = openHttp(options);
  const nats = await openNats(options);
  if (nats === undefined && http === undefined) {
    throw new KeywardError('invalid_request', 'connectAgent needs natsUrl and credsFile, or gatewayUrl and agentKey.');
  }
  return {
    tools: async (query = {}) => needsHttp(http).tools(query),
    execution: async (id) => needsHttp(http).execution(id),
    execute: async (tool, call) => (nats === undefined ? needsHttp(http).execute(tool, call) : overNats(nats, http, tool, call)),
    close: async () => nats?.close(),
  };
}

/** Where the outcome of a call was missed on the bus (a reconnect loses what was sent meanwhile), the kept result is looked up. */
async function overNats(
  nats: NatsDoor,
  http: HttpDoor | undefined,
  tool: string,
  call: ExecuteOptions,
): Promise<ExecutionResult> {
  try {
    return requireSuccess(await nats.execute(tool, call));
  } catch (error) {
    const missed = error instanceof KeywardError && error.code === 'outcome_unknown' ? error.details.executionId : undefined;
    if (missed === undefined || http === undefined) throw error;
    const kept = await http.execution(missed).catch(() => undefined);
    if (kept === undefined || !('tool' in kept)) throw error;
    return requireSuccess(kept);
  }
}

function openHttp({ gatewayUrl, agentKey }: AgentOptions): HttpDoor | undefined {
  if (gatewayUrl === undefined && agentKey === undefined) return undefined;
  if (gatewayUrl === undefined || agentKey === undefined) {
    throw new KeywardError('invalid_request', 'gatewayUrl and agentKey go together.');
  }
  return new HttpDoor(gatewayUrl, agentKey);
}

async function openNats({ natsUrl, credsFile }: AgentOptions): Promise<NatsDoor | undefined> {
  if (natsUrl === undefined && credsFile === undefined) return undefined;
  if (natsUrl === undefined || credsFile === undefined) {
    throw new KeywardError('invalid_request', 'natsUrl and credsFile go together.');
  }
  return NatsDoor.open(natsUrl, credsFile);
}

function needsHttp(http: HttpDoor | undefined): HttpDoor {
  if (http === undefined) throw new KeywardError('invalid_request', 'This is asked over HTTP: give gatewayUrl and agentKey too.');
  return http;
}
