import { randomBytes } from 'node:crypto';
import { fromProblem, KeywardError, subjects, type ExecutionResult, type Problem, type Receipt } from '@keyward/contracts';
import { connect, credsAuthenticator, errors, type Msg, type NatsConnection } from '@nats-io/transport-node';
import type { ExecuteOptions, PatientOptions } from './agent.js';
import { credentialsReader, type AgentIdentity } from './credentials-file.js';
import { Link } from './link.js';

const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 30_000;
/** How much longer than the call itself we wait: the broker's own verdict tells more than a timeout of ours would. */
const ANSWER_GRACE_MS = 2_000;

interface Call {
  settle(outcome: ExecutionResult | KeywardError): void;
  executionId: string | undefined;
}

/**
 * `tool.execute` over NATS. Receipts come to an inbox of our own and outcomes on `tool.result.<org>.<agent>.<id>`; both are
 * handled in the order in which they arrive, so an outcome can't overtake the receipt that tells which call it belongs to.
 */
export class NatsDoor {
  readonly #nc: NatsConnection;
  readonly #link: Link;
  readonly #identity: AgentIdentity;
  readonly #inbox: string;
  readonly #byReply = new Map<string, Call>();
  readonly #byExecution = new Map<string, Call>();
  #sequence = 0;

  private constructor(nc: NatsConnection, identity: AgentIdentity) {
    this.#nc = nc;
    this.#identity = identity;
    this.#link = new Link(nc, (error) => this.#refused(error));
    this.#inbox = `_INBOX.${identity.agent}.${randomBytes(12).toString('hex')}`;
    nc.subscribe(`${this.#inbox}.*`, { callback: (error, msg) => (error === null ? this.#onReceipt(msg) : undefined) });
    nc.subscribe(`tool.result.${identity.org}.${identity.agent}.*`, {
      callback: (error, msg) => (error === null ? this.#onOutcome(msg) : undefined),
    });
  }

  static async open(natsUrl: string, credsFile: string): Promise<NatsDoor> {
    const { identity, read } = credentialsReader(credsFile);
    let nc: NatsConnection;
    try {
      nc = await connect({
        servers: natsUrl,
        name: identity.agent,
        authenticator: credsAuthenticator(read),
        inboxPrefix: `_INBOX.${identity.agent}`,
        timeout: CONNECT_TIMEOUT_MS,
        // An agent lives longer than its credentials: it keeps coming back, each time with what the file then holds.
        maxReconnectAttempts: -1,
        ignoreAuthErrorAbort: true,
      });
    } catch (cause) {
      if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError) {
        throw new KeywardError('unauthenticated', 'The NATS server refused the credentials; they may have expired.', { cause });
      }
      throw new KeywardError('dependency_unavailable', 'The NATS server can not be reached.', { cause });
    }
    const door = new NatsDoor(nc, identity);
    await nc.flush();
    return door;
  }

  /** @returns the outcome, whatever its state. */
  async execute(tool: string, options: ExecuteOptions | PatientOptions): Promise<ExecutionResult> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    // The client would keep what it can't send and send it later; a call made then would surprise everybody.
    await this.#link.up(timeoutMs);
    const token = (++this.#sequence).toString(36);
    const payload = JSON.stringify({ wait: 'result', ...options, tool, timeoutMs });
    return new Promise((resolve, reject) => {
      const call: Call = {
        executionId: undefined,
        settle: (outcome) => {
          clearTimeout(timer);
          this.#byReply.delete(token);
          if (call.executionId !== undefined) this.#byExecution.delete(call.executionId);
          if (outcome instanceof KeywardError) reject(outcome);
          else resolve(outcome);
        },
      };
      const timer = setTimeout(() => call.settle(noOutcome(call.executionId)), timeoutMs + ANSWER_GRACE_MS);
      this.#byReply.set(token, call);
      this.#send(payload, token, call);
    });
  }

  #send(payload: string, token: string, call: Call): void {
    if (Buffer.byteLength(payload) > (this.#nc.info?.max_payload ?? Infinity)) {
      call.settle(new KeywardError('request_too_large', 'The call is larger than the NATS server accepts.'));
      return;
    }
    try {
      this.#nc.publish(subjects.toolExecute(this.#identity.org, this.#identity.agent), payload, {
        reply: `${this.#inbox}.${token}`,
      });
    } catch (cause) {
      call.settle(new KeywardError('dependency_unavailable', 'The connection to NATS is closed; nothing was sent.', { cause }));
    }
  }

  async close(): Promise<void> {
    const closing = new KeywardError('outcome_unknown', 'The agent was closed while the call was under way.');
    for (const call of [...this.#byReply.values(), ...this.#byExecution.values()]) call.settle(closing);
    await this.#nc.close();
  }

  #onReceipt(msg: Msg): void {
    const token = msg.subject.slice(this.#inbox.length + 1);
    const call = this.#byReply.get(token);
    if (call === undefined) return;
    if (msg.headers?.code === 503) {
      call.settle(new KeywardError('dependency_unavailable', 'No gateway is listening.'));
      return;
    }
    const answer = msg.json<Receipt | Problem>();
    if ('code' in answer) {
      call.settle(fromProblem(answer));
      return;
    }
    this.#byReply.delete(token);
    call.executionId = answer.id;
    this.#byExecution.set(answer.id, call);
  }

  #onOutcome(msg: Msg): void {
    // Every process of this agent hears every outcome; those of calls made elsewhere are not ours.
    const call = this.#byExecution.get(msg.subject.slice(msg.subject.lastIndexOf('.') + 1));
    call?.settle(msg.json<ExecutionResult>());
  }

  /** The server refuses a publish for the whole connection, not for one message: whoever has no receipt yet will get none. */
  #refused(error: Error): void {
    const refusal = new KeywardError('forbidden', 'The NATS server does not let these credentials call tools.', { cause: error });
    for (const call of this.#byReply.values()) call.settle(refusal);
  }
}

function noOutcome(executionId: string | undefined): KeywardError {
  const details = executionId === undefined ? {} : { executionId };
  const sentence =
    executionId === undefined
      ? 'No receipt arrived in time; the call may have been executed.'
      : 'The call was accepted, but its outcome did not arrive in time.';
  return new KeywardError('outcome_unknown', sentence, { details });
}
