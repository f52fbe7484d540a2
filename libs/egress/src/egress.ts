import type { InjectedCredential } from './credential.js';
import type { EgressError, EgressDenial } from './egress-error.js';
import type { ResponseHeaders } from './exchange/exchange.js';

/** One request out. */
export interface EgressRequest {
  /** For metrics and spans. */
  provider: string;
  /** Exact origins that this request, and any redirect of it, may go to. */
  origins: readonly string[];
  method: string;
  url: string;
  /** The path as the connector writes it, `/notes/{id}`: what a span may show, since the path itself holds arguments. */
  urlTemplate?: string | undefined;
  headers: Readonly<Record<string, string>>;
  /** A text is sent as UTF-8. */
  body?: string | Buffer | undefined;
  /** Sent to the first origin or nowhere. */
  credential?: InjectedCredential | undefined;
  /** Not sent, and taken out of what comes back all the same: for an address that must not get it. */
  withheld?: InjectedCredential | undefined;
  timeoutMs: number;
  /** Ends the request at once; a KeywardError as its reason becomes the error. */
  signal?: AbortSignal | undefined;
  /**
   * Asked of every hop once a connection for it is there, right before the first byte is written; false ends the request unwritten. For
   * what may cease to hold while an address is looked up and a connection is made.
   */
  mayLeave?: (() => boolean) | undefined;
  /** Of the body, on the wire and decoded. */
  maxBytes: number;
  /**
   * For an answer that need not end by itself, such as a stream of events: asked of each piece of a body as it comes on the wire. True ends
   * the answer with this piece.
   */
  isLast?: ((piece: Buffer, headers: ResponseHeaders) => boolean) | undefined;
  /** Shown in the TLS handshake (RFC 8705). The connection is then for this request alone. */
  tls?: ClientCertificate | undefined;
  /** Send our traceparent along. Off for third parties. */
  propagateTrace?: boolean | undefined;
}

export interface EgressResponse {
  status: number;
  /** Lower-case names; a repeated field is joined by `, `. Neither hop-by-hop fields nor cookies. The credential is redacted. */
  headers: Readonly<Record<string, string>>;
  /** Decoded and bounded. The credential is redacted. */
  body: Buffer;
}

/** Both PEM. */
export interface ClientCertificate {
  certificate: string;
  privateKey: string;
}

/** The `fetch` that oauth4webapi takes as `customFetch`: never follows a redirect, answers bounded and unredacted. */
export type EgressFetch = (url: string, init?: EgressFetchInit) => Promise<Response>;

export interface EgressFetchInit {
  method?: string;
  headers?: Record<string, string> | Headers;
  body?: unknown;
  signal?: AbortSignal | null | undefined;
  tls?: ClientCertificate | undefined;
}

export interface FetchOptions {
  provider: string;
  origins: readonly string[];
  /** Default 10,000. */
  timeoutMs?: number;
  /** Default 262,144. */
  maxBytes?: number;
  /** As of an EgressRequest. */
  mayLeave?: (() => boolean) | undefined;
}

export interface Egress {
  /** @throws EgressError */
  send(request: EgressRequest): Promise<EgressResponse>;
  /** Answers of token endpoints hold tokens: nothing is redacted there, so what this returns must not leave the caller. */
  fetchFor(options: FetchOptions): EgressFetch;
  close(): Promise<void>;
}

/** One hop, as it ended. */
export interface HopReport {
  provider: string;
  /** Undefined where no answer came. */
  status: number | undefined;
  error: EgressError | undefined;
  seconds: number;
}

/** Where counting happens; the core has no metrics library. */
export interface EgressObserver {
  hop?(report: HopReport): void;
  denied?(reason: EgressDenial): void;
}
