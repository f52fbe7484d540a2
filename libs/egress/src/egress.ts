import { KeywardError, type ErrorCode, type ErrorDetails } from '@keyward/contracts';

/** One request out. */
export interface EgressRequest {
  /** For metrics and spans. */
  provider: string;
  /** Exact origins that this request, and any redirect of it, may go to. */
  origins: readonly string[];
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string | Buffer | undefined;
  /** Injected last, over any header of that name, and removed from whatever comes back. */
  credential?: { header: string; value: string; secret: string } | undefined;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Of the decoded body. */
  maxBytes: number;
  /** Send our traceparent along. Off for third parties. */
  propagateTrace?: boolean | undefined;
}

export interface EgressResponse {
  status: number;
  /** Lower-case names; a repeated field is joined by `, `. The credential is redacted. */
  headers: Readonly<Record<string, string>>;
  /** Decoded (gzip, deflate, br, zstd) and bounded. The credential is redacted. */
  body: Buffer;
}

/** The `fetch` that oauth4webapi takes as `customFetch`: never follows a redirect, answers bounded. */
export type EgressFetch = (
  url: string,
  init?: { method?: string; headers?: Record<string, string>; body?: unknown; signal?: AbortSignal | null; redirect?: string },
) => Promise<Response>;

export interface FetchOptions {
  provider: string;
  origins: readonly string[];
  timeoutMs?: number;
  maxBytes?: number;
}

export interface Egress {
  /** @throws EgressError */
  send(request: EgressRequest): Promise<EgressResponse>;
  fetchFor(options: FetchOptions): EgressFetch;
  close(): Promise<void>;
}

/** Why a request got no usable answer. */
export class EgressError extends KeywardError {
  constructor(
    code: ErrorCode,
    publicMessage: string,
    /** False only where not one byte of the request can have reached the provider: then even a write may be repeated. */
    readonly requestMayHaveBeenProcessed: boolean,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(code, publicMessage, options);
    this.name = 'EgressError';
  }
}
