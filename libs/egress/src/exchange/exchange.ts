import type { Dispatcher } from 'undici';
import { KeywardError } from '@keyward/contracts';
import { EgressError } from '../egress-error.js';
import { classifyFailure } from './classify-failure.js';

export interface ExchangeRequest {
  method: string;
  /** Path and query. */
  path: string;
  /** Name, value, name, value … */
  headers: string[];
  body: string | Buffer | undefined;
  timeoutMs: number;
  signal: AbortSignal | undefined;
  mayLeave: (() => boolean) | undefined;
  maxBytes: number;
  isLast: ((piece: Buffer, headers: ResponseHeaders) => boolean) | undefined;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface RawResponse {
  status: number;
  headers: ResponseHeaders;
  /** As on the wire, content coding and all. */
  body: Buffer;
}

/** One request and its answer over one connection; no redirects. @throws EgressError */
export function exchange(dispatcher: Dispatcher, request: ExchangeRequest): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const handler = new ExchangeHandler(request, resolve, reject);
    if (!handler.begin()) return;
    const { method, path, headers, body } = request;
    try {
      dispatcher.dispatch({ method, path, headers, body: body ?? null }, handler);
    } catch (error) {
      handler.onResponseError(undefined, error);
    }
  });
}

/**
 * Written against undici's dispatch interface, below `request()`, because only here is it known whether the request was ever put on
 * a connection, which decides whether a write may be sent again.
 */
class ExchangeHandler implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private started = false;
  private settled = false;
  private timer: NodeJS.Timeout | undefined;
  private status = 0;
  private headers: ResponseHeaders = {};
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly request: ExchangeRequest,
    private readonly resolve: (response: RawResponse) => void,
    private readonly reject: (error: EgressError) => void,
  ) {}

  begin(): boolean {
    const { signal, timeoutMs } = this.request;
    if (signal?.aborted === true) this.onAbort();
    else if (timeoutMs <= 0) this.onTimeout();
    else {
      signal?.addEventListener('abort', this.onAbort, { once: true });
      this.timer = setTimeout(this.onTimeout, timeoutMs);
    }
    return !this.settled;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It waited for a connection longer than it was wanted.
    if (this.settled) return controller.abort(new Error('no longer wanted'));
    if (this.request.mayLeave?.() === false) {
      const refusal = new EgressError(
        'provider_unavailable',
        'What the request carries held no longer when it could leave.',
        false,
      );
      this.fail(refusal);
      return controller.abort(refusal);
    }
    this.controller = controller;
    this.started = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    // 1xx: the answer itself is still to come (RFC 9110 section 15.2).
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    if (Number(headers['content-length']) > this.request.maxBytes) this.tooLarge();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > this.request.maxBytes) return this.tooLarge();
    this.chunks.push(chunk);
    if (this.request.isLast?.(chunk, this.headers) === true) this.endHere();
  }

  onResponseEnd(): void {
    if (!this.settled) this.complete();
  }

  private endHere(): void {
    if (this.settled) return;
    this.complete();
    this.controller?.abort(new Error('the rest is not wanted'));
  }

  private complete(): void {
    this.settle();
    const body = this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks, this.bytes);
    this.resolve({ status: this.status, headers: this.headers, body });
  }

  onResponseError(_controller: unknown, error: unknown): void {
    this.fail(classifyFailure(error, this.started));
  }

  private readonly onAbort = () => {
    const reason: unknown = this.request.signal?.reason;
    if (reason instanceof KeywardError)
      return this.fail(new EgressError(reason.code, reason.message, this.started, { cause: reason }));
    this.fail(
      new EgressError('deadline_exceeded', 'The call was cancelled before the provider answered.', this.started, {
        cause: reason,
      }),
    );
  };

  private readonly onTimeout = () => {
    this.fail(new EgressError('deadline_exceeded', 'The provider did not answer in time.', this.started));
  };

  private tooLarge(): void {
    const message = `The provider’s answer is larger than ${this.request.maxBytes} bytes.`;
    this.fail(new EgressError('response_too_large', message, true));
  }

  private fail(error: EgressError): void {
    if (this.settled) return;
    this.settle();
    this.controller?.abort(error);
    this.reject(error);
  }

  private settle(): void {
    this.settled = true;
    clearTimeout(this.timer);
    this.request.signal?.removeEventListener('abort', this.onAbort);
  }
}
