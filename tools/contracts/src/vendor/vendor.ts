import type { SentRequest } from '../contract/judge-request.js';

export interface Reply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** A text or bytes as they are; anything else is JSON. */
  readonly body: unknown;
}

export interface Heard {
  /** How far the vendor's description tells what to send: all of it, method and path alone, or nothing. */
  readonly described: 'fully' | 'path' | 'not';
  /** Nothing: the request is as the vendor describes it. */
  readonly problems: readonly string[];
  /** What a vendor of this description answers; the same to the same request. */
  readonly reply: Reply;
}

/** A vendor as far as its description tells. */
export interface Vendor {
  /** @param anywhere whether it may be asked at another origin than its own */
  hear(request: SentRequest, anywhere: boolean): Promise<Heard>;
  /** What is wrong with an answer to this request. */
  problemsOfReply(request: SentRequest, reply: Reply, anywhere: boolean): Promise<readonly string[]>;
}

/** A vendor that publishes no description: it takes everything, and what it answers has to be said. */
export const undescribed: Vendor = {
  hear: () => Promise.resolve({ described: 'not', problems: [], reply: { status: 200, headers: {}, body: {} } }),
  problemsOfReply: () => Promise.resolve([]),
};
