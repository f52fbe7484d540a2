import type { Arguments, Tool, ToolCall } from '@keyward/connectors';
import { KeywardError, type ConnectionKind, type ExecutionRequested, type RateLimitReport } from '@keyward/contracts';
import { trace } from '@opentelemetry/api';

/** What is learnt about one execution while it runs. */
export class Call {
  readonly startedAt = performance.now();
  readonly traceId: string;
  /** The connection, once one was found. */
  connection: { readonly id: string; readonly kind: ConnectionKind } | null = null;
  /** Requests sent to the provider, those before it waited included. */
  attempts: number;
  /** Time spent waiting for the provider, pauses between requests included: what is not our own. */
  providerMs = 0;
  providerStatus: number | undefined;
  /** A request of this delivery has left. */
  hasSent = false;
  /** It costs nothing: it is answered by an earlier call, or waits for a person. */
  isFree = false;
  /** The provider has answered what was asked of it, with yes or with no. */
  settled = false;
  /** A write was sent whose answer is not known: the provider may have carried it out. */
  uncertain = false;
  /** An earlier process may have sent all of it. */
  isInterrupted = false;
  /** What the provider carried out and nobody takes back: ids of the tool's steps. */
  completedSteps: readonly string[] = [];
  /** Of a call that writes, RFC 3339: nothing of it was sent before. */
  notSentBefore: string | undefined;
  /** What held it up, and what the provider says of its limits. */
  rateLimit: RateLimitReport | undefined;
  /** Idempotency key for the provider: the same each time this execution is sent. A-Z a-z 0-9 _ -, 64 at most. */
  readonly key: string;
  /** The epoch under which this process owns the call's row; undefined while there is none. */
  epoch: number | undefined;
  /** It has waited, with a record that says that nothing of it was sent, and was not begun again yet. */
  isSetAside = false;
  /** Whether an earlier message wrote anything is not known yet, so nothing may be said of this call. */
  historyUnknown: boolean;

  /** What the tool is given. */
  arguments: Arguments;
  areArgumentsValid = false;

  private found: ToolCall | undefined;
  /** On the clock of `startedAt`, which no one sets: a call that runs is not ended, nor prolonged, by a clock that is. */
  private readonly askedAt: number;
  private endsAt: number;
  private readonly controller = new AbortController();

  constructor(
    readonly request: ExecutionRequested,
    /** 1 on the first delivery. */
    readonly deliveries: number = 1,
    /** Of the message, by the clock of the bus. */
    ageMs: number = 0,
    /** It was given up, and put back by an operator: nobody else works on it, but somebody may have. */
    readonly isReplayed: boolean = false,
  ) {
    const takenAt = this.startedAt - Math.max(0, ageMs);
    this.endsAt = takenAt + request.timeoutMs;
    this.askedAt = takenAt - (request.resumed?.afterMs ?? 0);
    this.key = request.id;
    this.attempts = this.attemptsBefore;
    this.arguments = request.arguments;
    this.historyUnknown = this.hasHistory;
    // Without tracing, the execution's own 128 bits serve.
    this.traceId = trace.getActiveSpan()?.spanContext().traceId ?? request.id.slice(-32);
  }

  /** Undefined where the name is not that of a tool. */
  get tool(): Tool | undefined {
    return this.found?.tool;
  }

  /** What a unified tool stands for in this call; undefined of another, which stands for itself. */
  get behind(): { connector: string; nativeTool: string } | undefined {
    if (this.found?.isUnified !== true) return undefined;
    const { name, provider } = this.found.tool;
    return { connector: provider.name, nativeTool: name };
  }

  resolved(found: ToolCall): ToolCall {
    this.found = found;
    return found;
  }

  /** What the tool is given from here on: valid. */
  accept(valid: Arguments): void {
    [this.arguments, this.areArgumentsValid] = [valid, true];
  }

  /** Another delivery, or another message, may have begun it. */
  get hasHistory(): boolean {
    return this.deliveries > 1 || this.isReplayed || this.request.resumed !== undefined;
  }

  /** Requests that were sent before it waited. */
  get attemptsBefore(): number {
    return this.request.resumed?.attempts ?? 0;
  }

  /** Leaves a row behind: repeating it is not harmless. */
  get writes(): boolean {
    return this.tool !== undefined && this.tool.effect !== 'read' && !this.request.dryRun;
  }

  /** What it took of budgets is used. Of one that was interrupted whoever began it has taken that. */
  get isCharged(): boolean {
    return this.hasSent && !this.isFree && !this.isInterrupted;
  }

  /** Since the agent asked, waiting on the bus and for people included. */
  get durationMs(): number {
    return performance.now() - this.askedAt;
  }

  get msLeft(): number {
    return this.endsAt - performance.now();
  }

  /** For a last look at what came of it. */
  lastAtLeast(ms: number): void {
    this.endsAt = Math.max(this.endsAt, performance.now() + ms);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(reason: KeywardError): void {
    this.controller.abort(reason);
  }

  /** @throws KeywardError `deadline_exceeded`, or the reason the call was aborted for */
  assertWanted(): void {
    this.signal.throwIfAborted();
    if (this.msLeft <= 0) throw new KeywardError('deadline_exceeded', 'The deadline had passed before the provider was called.');
  }
}
