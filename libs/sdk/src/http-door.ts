import {
  fromProblem,
  KeywardError,
  type ExecutionResult,
  type Problem,
  type Receipt,
  type ToolListing,
} from '@keyward/contracts';
import type { ExecuteOptions, PatientOptions, ToolQuery } from './agent.js';
import { requireSuccess } from './outcome.js';

/** How much longer than the call itself we wait for the gateway's answer, which tells more than a timeout of ours would. */
const ANSWER_GRACE_MS = 5_000;
const LOOKUP_TIMEOUT_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/** The gateway's HTTP door, as one agent sees it. */
export class HttpDoor {
  readonly #base: string;
  readonly #key: string;

  constructor(gatewayUrl: string, agentKey: string) {
    this.#base = gatewayUrl.endsWith('/') ? gatewayUrl.slice(0, -1) : gatewayUrl;
    this.#key = agentKey;
  }

  async tools(query: ToolQuery): Promise<ToolListing[]> {
    const tools: ToolListing[] = [];
    let cursor: string | null = null;
    do {
      const search = new URLSearchParams(
        Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined),
      );
      if (cursor !== null) search.set('cursor', cursor);
      const page = await this.#ask<{ tools: ToolListing[]; nextCursor: string | null }>(`/v1/tools?${search}`, LOOKUP_TIMEOUT_MS);
      tools.push(...page.body.tools);
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    return tools;
  }

  async execution(id: string): Promise<ExecutionResult | Receipt> {
    const answer = await this.#ask<ExecutionResult | Receipt>(`/v1/executions/${encodeURIComponent(id)}`, LOOKUP_TIMEOUT_MS);
    return answer.body;
  }

  async cancel(id: string): Promise<ExecutionResult | Receipt> {
    const path = `/v1/executions/${encodeURIComponent(id)}/cancel`;
    return (await this.#ask<ExecutionResult | Receipt>(path, LOOKUP_TIMEOUT_MS, {})).body;
  }

  async execute(tool: string, options: ExecuteOptions | PatientOptions): Promise<ExecutionResult | Receipt> {
    const timeoutMs = (options.timeoutMs ?? DEFAULT_TIMEOUT_MS) + ANSWER_GRACE_MS;
    const path = `/v1/tools/${encodeURIComponent(tool)}/execute`;
    const { status, body } = await this.#ask<ExecutionResult | Receipt>(path, timeoutMs, { wait: 'result', ...options });
    if (status === 202 && 'waitingFor' in body && body.waitingFor !== undefined) return body as Receipt;
    if (status === 202) {
      throw new KeywardError('outcome_unknown', 'The call was accepted, but its outcome did not arrive in time.', {
        details: { executionId: body.id },
      });
    }
    return requireSuccess(body as ExecutionResult);
  }

  async #ask<T>(path: string, timeoutMs: number, body?: object): Promise<{ status: number; body: T }> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#base + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${this.#key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // The key is for the gateway alone; it never sends us elsewhere.
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await response.text();
    } catch (cause) {
      throw unanswered(cause, body !== undefined);
    }
    if (response.ok) return { status: response.status, body: parse<T>(text) };
    throw problemFrom(text);
  }
}

/** A request that changes something may have arrived even though no answer came back. */
function unanswered(cause: unknown, mayHaveActed: boolean): KeywardError {
  const refused = (cause as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED';
  if (mayHaveActed && !refused) {
    return new KeywardError('outcome_unknown', 'The gateway did not answer; the call may have been executed.', { cause });
  }
  return new KeywardError('dependency_unavailable', 'The gateway can not be reached.', { cause });
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new KeywardError('dependency_unavailable', 'The gateway answered something that is not JSON.', { cause });
  }
}

function problemFrom(text: string): KeywardError {
  const problem = parse<Partial<Problem>>(text);
  if (typeof problem.code !== 'string' || typeof problem.detail !== 'string') {
    return new KeywardError('dependency_unavailable', 'Something that is not a Keyward gateway answered.');
  }
  return fromProblem(problem as Problem);
}
