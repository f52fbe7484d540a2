import type { KeyObject } from 'node:crypto';

/** How one server wants its requests. Whatever is not named is as the standard has it, and nothing else is taken. */
export interface RequestQuirks {
  path?: string;
  method?: 'POST' | 'GET' | 'DELETE' | 'PUT';
  format?: 'form' | 'json' | 'query' | 'xml';
  xmlRoot?: string;
  /** Standard name → the name here; the standard's is refused. */
  names?: Readonly<Record<string, string>>;
  /** Standard parameters that are refused. */
  without?: readonly string[];
  /** Must be there, with this very value. */
  exactly?: Readonly<Record<string, string>>;
  /** Must be there, with this very value; names in lower case. */
  headers?: Readonly<Record<string, string>>;
  authentication?: ClientAuthenticationQuirk;
  signature?: SignatureQuirk;
}

export type ClientAuthenticationQuirk =
  'basic' | 'post' | 'none' | { key: KeyObject; algorithm: string; audience: string; claims?: Readonly<Record<string, string>> };

export interface SignatureQuirk {
  header: string;
  timestampHeader?: string;
  encoding: 'hex' | 'base64';
  text: (parts: { body: string; parameters: URLSearchParams; timestamp: string }) => string;
}

export interface AuthorizeQuirks {
  /** Parameters are read behind `#<this>?`, by a script in the page, and a query is refused. */
  fragment?: string;
  names?: Readonly<Record<string, string>>;
  without?: readonly string[];
  responseType?: string;
  exactly?: Readonly<Record<string, string>>;
  scopeSeparator?: string;
  /** The scope's value must stand in the URL unencoded. */
  rawScope?: boolean;
  /** An empty scope must be sent. */
  emptyScope?: boolean;
  pkce?: 'S256' | 'plain' | 'refused';
}

export interface CallbackQuirks {
  codeParameter?: string;
  /** Come along with the browser. */
  parameters?: Readonly<Record<string, string>>;
  /** The code is not in the redirect, but in what `lab.webhooks` gathers; this parameter of the redirect says which. */
  webhook?: { correlation: string; header: string; body: (parts: { code: string; correlation: string }) => unknown };
}

/** What was issued, for an answer to be made of. */
export interface Issued {
  accessToken: string;
  refreshToken: string;
  scopes: readonly string[];
}

export interface AnswerQuirks {
  status?: number;
  /** The JSON body. */
  body?: (issued: Issued) => unknown;
  /** The JSON body of a refusal, with status 200. */
  failure?: (reason: string) => unknown;
}

/** A request after the first: takes the token of the stage before, gives the one of the next. */
export interface StepQuirks extends RequestQuirks, AnswerQuirks {
  path: string;
  /** `bearer`, or the parameter that carries the token of the stage before. */
  token: string;
}

export interface RevocationQuirks extends Omit<RequestQuirks, 'authentication'> {
  path: string;
  /** The token stands in the path behind `path`, in the bearer header, or in a parameter of this name. */
  token: 'path' | 'bearer' | { parameter: string };
  authentication?: 'none' | 'basic' | { assertion: KeyObject };
  takes?: 'access_token' | 'refresh_token';
  status?: number;
}

export interface Quirks {
  authorize?: AuthorizeQuirks;
  callback?: CallbackQuirks;
  /** RFC 8707: demanded in every authorization and token request, refused where this is left out. */
  resource?: string;
  token?: RequestQuirks & AnswerQuirks;
  /** In place of `token` for a refresh; its `path` may be another. */
  refresh?: RequestQuirks & AnswerQuirks & { rotates?: boolean };
  steps?: readonly StepQuirks[];
  /** Steps are needed after a refresh too. */
  stepsAfterRefresh?: boolean;
  /** A live token is extended here; there is no refresh token. */
  extend?: StepQuirks;
  revocation?: RevocationQuirks;
  /** Seconds that a token still has, as RFC 7662 tells it. */
  introspection?: { secondsLeft: number };
}
