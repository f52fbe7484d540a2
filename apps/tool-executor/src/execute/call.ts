import type { Tool } from '@keyward/connectors';
import { KeywardError, type ConnectionKind, type ExecutionRequested } from '@keyward/contracts';
import { trace } from '@opentelemetry/api';

/** What is learnt about one execution while it runs. */
export class Call {
  readonly startedAt = performance.now();
  readonly traceId: string;
  /** The connection, once one was found. */
  connection: { readonly id: string; readonly kind: ConnectionKind } | null = null;
  /** Requests sent to the provider. */
  attempts = 0;
  /** Time spent waiting for the provider, pauses between requests included: what is not our own. */
  providerMs = 0;
  providerStatus: number | undefined;
  /** The provider has answered what was asked of it, with yes or with no. */
  settled = false;
  /** A write was sent whose answer is not known: the provider may have carried it out. */
  uncertain = false;
  /** The epoch under which this process owns the call's row; undefined while there is none. */
  epoch: number | undefined;
  /** Whether an earlier delivery wrote anything is not known yet, so nothing may be said of this call. */
  historyUnknown: boolean;

  private found: Tool | undefined;
  /** The deadline on the clock of `startedAt`, which no one sets: a call that runs is not ended, nor prolonged, by a clock that is. */
  private readonly endsAt: number;
  private readonly controller = new AbortController();

  constructor(
    readonly request: ExecutionRequested,
    /** 1 on the first delivery. */
    readonly deliveries: number = 1,
  ) {
    const deadline = Date.parse(request.deadline);
    // Where the gateway's clock is ahead of ours, that must not make the call longer than its caller waits.
    this.endsAt = this.startedAt + Math.min(deadline - Date.now(), deadline - Date.parse(request.requestedAt));
    this.historyUnknown = deliveries > 1;
    // Without tracing, the execution's own 128 bits serve.
    this.traceId = trace.getActiveSpan()?.spanContext().traceId ?? request.id.slice(-32);
  }

  /** Undefined where the name is not that of a tool. */
  get tool(): Tool | undefined {
    return this.found;
  }

  resolved(tool: Tool): Tool {
    this.found = tool;
    return tool;
  }

  /** Leaves a row behind: repeating it is not harmless. */
  get writes(): boolean {
    return this.found !== undefined && this.found.effect !== 'read' && !this.request.dryRun;
  }

  get msLeft(): number {
    return this.endsAt - performance.now();
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
