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

/** What is laid over what the vendor would make up, or why it does not answer at all; undefined: nothing is known of this operation. */
export type Known = { readonly found: unknown } | { readonly refused: 'forbidden' | 'missing' } | undefined;

/** What a vendor knows beside its description: what it has been told before. */
export interface Knowledge {
  /**
   * @param operation as the description has it: `POST /tasks/{task}`; of GraphQL the root field, `Mutation.issueCreate`
   * @param given what the request said: `path`, `query` and `body`; of GraphQL the arguments of the field
   */
  of(operation: string, given: Readonly<Record<string, unknown>>): Promise<Known>;
}

/** A vendor as far as its description tells. */
export interface Vendor {
  /** @param anywhere whether it may be asked at another origin than its own */
  hear(request: SentRequest, anywhere: boolean, knowledge?: Knowledge): Promise<Heard>;
  /** What is wrong with an answer to this request. */
  problemsOfReply(request: SentRequest, reply: Reply, anywhere: boolean): Promise<readonly string[]>;
}

/** A vendor that publishes no description: it takes everything, and what it answers has to be said. */
export const undescribed: Vendor = {
  hear: () => Promise.resolve({ described: 'not', problems: [], reply: { status: 200, headers: {}, body: {} } }),
  problemsOfReply: () => Promise.resolve([]),
};

const SENTENCES = { missing: 'There is no such thing here.', forbidden: 'The access token has not the scope that this needs.' };

/** The body of a refusal, told where vendors tell it: the first error, and the message of the whole. */
export function refusal(why: keyof typeof SENTENCES): { message: string; errors: { message: string }[] } {
  const message = SENTENCES[why];
  return { message, errors: [{ message }] };
}
