import { KeywardError, type ExecutionResult, type Receipt, type ToolListing, type WaitingFor } from '@keyward/contracts';
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
  /** Makes a repeated call safe: same key and same arguments give the same result, executed once. Kept for 24 hours. */
  idempotencyKey?: string;
  /** The same with a key that is derived from tool, user, connection and arguments. */
  deduplicate?: boolean;
  /** 100 to 300,000; default 30,000. */
  timeoutMs?: number;
  /** Checks everything up to the provider and sends nothing. */
  dryRun?: boolean;
}

/** For calls that are kept while they lack an authorization, and carried out once a person has given it. */
export interface PatientOptions extends ExecuteOptions {
  wait: 'authorization';
  /** For how long: 60,000 to 604,800,000; default a day. */
  waitForMs?: number;
  dryRun?: false;
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
  /** @returns besides, a receipt of a call that waits: `waitingFor` says for what. Its outcome is found by `execution`. */
  execute(tool: string, options: PatientOptions): Promise<ExecutionResult | Receipt>;
  /** The outcome of an earlier call, kept 24 h; a receipt while there is none yet. Asked over HTTP. */
  execution(id: string): Promise<ExecutionResult | Receipt>;
  /**
   * Ends a call: its outcome where it has ended, now or before; a receipt where it is queued or running and is about to end. A write that
   * was sent already may have taken effect, its state is then `unknown`. Asked over HTTP.
   */
  cancel(id: string): Promise<ExecutionResult | Receipt>;
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
    cancel: async (id) => needsHttp(http).cancel(id),
    execute: executeOver(http, nats),
    close: async () => nats?.close(),
  };
}

function executeOver(http: HttpDoor | undefined, nats: NatsDoor | undefined): Agent['execute'] {
  function execute(tool: string, call: ExecuteOptions): Promise<ExecutionResult>;
  function execute(tool: string, call: PatientOptions): Promise<ExecutionResult | Receipt>;
  async function execute(tool: string, call: ExecuteOptions | PatientOptions): Promise<ExecutionResult | Receipt> {
    return nats === undefined ? needsHttp(http).execute(tool, call) : overNats(nats, http, tool, call);
  }
  return execute;
}

/** Where the outcome of a call was missed on the bus (a reconnect loses what was sent meanwhile), the kept result is looked up. */
async function overNats(
  nats: NatsDoor,
  http: HttpDoor | undefined,
  tool: string,
  call: ExecuteOptions | PatientOptions,
): Promise<ExecutionResult | Receipt> {
  try {
    const result = await nats.execute(tool, call);
    return result.waitingFor === undefined ? requireSuccess(result) : receiptOf(result, result.waitingFor);
  } catch (error) {
    const missed = error instanceof KeywardError && error.code === 'outcome_unknown' ? error.details.executionId : undefined;
    if (missed === undefined || http === undefined) throw error;
    const kept = await http.execution(missed).catch(() => undefined);
    if (kept === undefined || (!('tool' in kept) && kept.waitingFor === undefined)) throw error;
    return 'tool' in kept ? requireSuccess(kept) : kept;
  }
}

function receiptOf({ id }: ExecutionResult, waitingFor: WaitingFor): Receipt {
  return { id, state: 'waiting_for_authorization', waitingFor };
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
