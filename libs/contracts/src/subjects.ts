/** The subjects of the bus, built and parsed in one place so that a token can never smuggle a wildcard or a level. */

/** One subject token: no `.`, `*`, `>` or white space (NATS protocol, "Subject-Based Messaging"). */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

function token(value: string): string {
  if (!TOKEN.test(value)) throw new TypeError('not a valid NATS subject token');
  return value;
}

export const subjects = {
  /** Account AGENTS, core request: an agent asks for a tool call. */
  toolExecute: (org: string, agent: string) => `tool.execute.${token(org)}.${token(agent)}`,
  toolExecuteAll: 'tool.execute.*.*',
  /** Account AGENTS, core: the outcome, to whoever in that agent listens. */
  toolResult: (org: string, agent: string, execution: string) => `tool.result.${token(org)}.${token(agent)}.${token(execution)}`,

  /** Account KEYWARD, stream EXECUTIONS. */
  executionRequested: (org: string, agent: string, execution: string) =>
    `execution.requested.${token(org)}.${token(agent)}.${token(execution)}`,
  /** Whatever its depth: what an older gateway left there was published without the execution. */
  executionRequestedAll: 'execution.requested.>',
  /** Account KEYWARD, stream RESULTS. */
  executionCompleted: (org: string, agent: string, execution: string) =>
    `execution.completed.${token(org)}.${token(agent)}.${token(execution)}`,
  executionCompletedAll: 'execution.completed.*.*.*',
  /** Account KEYWARD, stream REFRESH: someone needs a newer generation of one credential. */
  credentialRefresh: (provider: string) => `credential.refresh.${token(provider)}`,
  credentialRefreshAll: 'credential.refresh.*',
  /** Account KEYWARD, stream CONNECTIONS. */
  connectionEvent: (event: string, org: string) => `connection.${token(event)}.${token(org)}`,
  connectionEventAll: 'connection.*.*',
  /** Account KEYWARD, stream CONNECTIONS: a provider rejects an organization's registration, or takes it again. */
  providerAppEvent: (event: string, org: string) => `provider_app.${token(event)}.${token(org)}`,
  providerAppEventAll: 'provider_app.*.*',
  /** Account KEYWARD, stream CONNECTIONS: a limit of a budget was reached. */
  budgetEvent: (event: string, org: string) => `budget.${token(event)}.${token(org)}`,
  budgetEventAll: 'budget.*.*',
  /** Account KEYWARD, stream AUDIT. */
  audit: (org: string) => `audit.${token(org)}`,
  auditAll: 'audit.*',
  /** Account KEYWARD, stream DEAD_LETTERS. */
  deadLetter: (stream: string) => `dead_letter.${token(stream)}`,
  deadLetterAll: 'dead_letter.>',
  /** Account KEYWARD, core broadcast: forget what is cached about a connection, an agent or an agent's keys, now. */
  controlRevoked: 'control.revoked',
  /** Account KEYWARD, core broadcast between tool-executors: a call was cancelled. */
  controlCancelled: 'control.cancelled',
  /** Account KEYWARD, core broadcast: an organization's own connectors have changed. Payload `{org}`. */
  controlCatalogChanged: 'control.catalog_changed',
  /** Account KEYWARD, core broadcast: an organization's budgets have changed. Payload `{org}`. */
  controlBudgetsChanged: 'control.budgets_changed',
  /** Account KEYWARD, core broadcast between token-refreshers: an authorization server asked for a pause. */
  controlRefreshPaused: 'control.refresh_paused',
  /** Account KEYWARD, core broadcast between tool-executors: a provider asked for a pause. */
  controlProviderPaused: 'control.provider_paused',
} as const;

export interface AgentAddress {
  org: string;
  agent: string;
}

/**
 * Org and agent from the subject a message was published on. nats-server has checked that the connection may publish there,
 * so this, and never a header or the payload, says who is asking.
 */
export function parseToolExecuteSubject(subject: string): AgentAddress | undefined {
  const parts = subject.split('.');
  const [tool, execute, org, agent] = parts;
  if (parts.length !== 4 || tool !== 'tool' || execute !== 'execute') return undefined;
  if (org === undefined || agent === undefined || !TOKEN.test(org) || !TOKEN.test(agent)) return undefined;
  return { org, agent };
}

export const streams = {
  executions: 'EXECUTIONS',
  results: 'RESULTS',
  refresh: 'REFRESH',
  connections: 'CONNECTIONS',
  audit: 'AUDIT',
  deadLetters: 'DEAD_LETTERS',
  advisories: 'ADVISORIES',
} as const;

/** Durable consumers that others ask about. */
export const consumers = { executions: 'tool-executor' } as const;

/** Headers that we set on messages inside account KEYWARD. Never read from an agent's message. */
export const headers = {
  /** Where a core reply is wanted: JetStream replaces the reply subject by its own ack subject. */
  replyTo: 'Keyward-Reply-To',
  /** Of a message that was given up and put back: the id of its dead letter. It may have been worked on. */
  replayed: 'Keyward-Replayed',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
} as const;
