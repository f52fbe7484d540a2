import type { ToolEffect } from '@keyward/contracts';
import type { failureKinds } from '../manifest/declared-error.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';

export type Arguments = Readonly<Record<string, unknown>>;

/** What one execution's requests are made of. */
export interface Scope {
  /** Validated. */
  readonly args: Arguments;
  /** Parsed answers of the steps before, by the step's id. */
  readonly steps: Readonly<Record<string, unknown>>;
  /** Of a step that is made once per item of a list: the item. */
  readonly item?: unknown;
  /** Idempotency key for the provider: 1 to 64 of A-Z a-z 0-9 _ -, the same for every delivery of one execution. */
  readonly key: string;
  /** The connection's parameters. */
  readonly connection: Readonly<Record<string, string>>;
  /** The tool's provider with its late references filled, see resolveProvider. */
  readonly provider: ProviderManifest;
}

export type ReadAs = 'json' | 'text' | 'bytes';

export interface RenderedRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names. Never the credential: egress injects that. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
  /** False: the address was told by an answer, and the credential must not be sent along. */
  readonly credential: boolean;
  readonly readAs: ReadAs;
}

/** What a provider answered. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed as the request's `readAs` says; null where there was none. Bytes are a Buffer. Of a GraphQL request the whole answer, `data` included. */
  readonly body: unknown;
}

/** Where in a listing a page begins. Plain JSON of ours. */
export interface Position {
  /** The provider's cursor, a page's number or an offset, or what the next address says; absent: the beginning. */
  readonly at?: unknown;
  /** Items of that page that the caller has already. */
  readonly skip?: number;
  /** Items per page, where all pages of a listing must have as many. */
  readonly size?: number;
}

export interface PageRequest {
  /** Items that are wanted still, 1 or more. */
  readonly wanted: number;
  readonly position: Position;
}

export interface Page {
  /** As the tool gives them out; never more than were wanted. */
  readonly items: unknown[];
  /** Undefined: that was all. */
  readonly next: Position | undefined;
}

export interface Paging {
  /** @throws KeywardError `invalid_arguments` with the pointer /cursor where the cursor was not given out for these arguments of this tool */
  wantedOf(args: Arguments): { limit: number; position: Position };
  /** @throws KeywardError `provider_error` where there is no list, or the next page lies elsewhere */
  page(answer: Answer, scope: Scope, request: PageRequest): Promise<Page>;
  /** What the caller comes back with, as the argument `cursor` beside the same others. */
  cursorOf(next: Position, args: Arguments): string;
}

/** One request of a tool. */
export interface Step {
  readonly id: string;
  readonly kind: 'http' | 'graphql' | 'mcp';
  /** As the connector writes it, `/notes/{id}`: names the request without its arguments. */
  readonly pathTemplate: string;
  /** Sending it twice leaves nothing that counts. */
  readonly repeatable: boolean;
  readonly until?: {
    readonly everyMs: number;
    /** Requests at most. */
    readonly atMost: number;
    reached(answer: Answer, scope: Scope): Promise<boolean>;
  };
  /** Of `kind` mcp: what is called over the transport that `render` gives the address and headers of. */
  readonly mcp?: { readonly tool: string; arguments(scope: Scope): Promise<Arguments> };
  wanted(scope: Scope): Promise<boolean>;
  /**
   * Of a step that is sent once per item of a list: a scope per item, each with an idempotency key of its own. The step's answer is then
   * the list of the answers.
   *
   * @throws KeywardError `invalid_arguments` where there are too many
   */
  each?(scope: Scope): Promise<readonly Scope[]>;
  /**
   * @param page of a tool with pagination
   * @throws KeywardError `invalid_arguments` where a value can't stand where the tool puts it
   */
  render(scope: Scope, page?: PageRequest): Promise<RenderedRequest>;
}

export interface Failure {
  readonly as: (typeof failureKinds)[number];
  /** The provider's own sentence. Not redacted. */
  readonly message: string | null;
}

/** One tool, compiled once at load: nothing is parsed per call. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly provider: ProviderManifest;
  readonly effect: ToolEffect;
  /** Any one of these sets suffices; within a set all are needed. Empty: the tool needs none. */
  readonly scopes: readonly (readonly string[])[];
  /** 12 hexadecimal digits; another wherever another request might be sent. */
  readonly version: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Of the output, as far as it is declared. */
  readonly outputSchema: Readonly<Record<string, unknown>> | null;
  /** The provider's page of this operation. */
  readonly documentation: string | null;
  /** JSON Pointers to arguments that no record shows. */
  readonly sensitive: readonly string[];
  /** What one call costs, in millionths of the deployment's currency; null where nobody has said. */
  readonly costMicros: number | null;
  readonly limits: { readonly bucket: string; readonly cost: number };
  /** At least one. */
  readonly steps: readonly Step[];
  /** Only of a tool with one step; `outputOf` is then for nothing, `page` selects. */
  readonly pagination: Paging | null;
  /** Whether the provider itself recognises a repeated write, so that repeating one is safe. */
  readonly idempotent: boolean;
  /** Tells whether a write was carried out. `found` gives the tool's output, undefined where the write is not there. */
  readonly probe: { readonly step: Step; found(answer: Answer, scope: Scope): Promise<unknown> } | null;
  /** The call that takes this one back. */
  readonly compensate: { readonly tool: string; arguments(scope: Scope, output: unknown): Promise<Arguments> } | null;
  /**
   * A promise of an organization's own tool: whose schema may keep the validator busy.
   *
   * @throws KeywardError `invalid_arguments` with a JSON Pointer to each place.
   */
  validateArguments(args: Arguments): void | Promise<void>;
  /** A failure that is declared, or told by a GraphQL answer. Undefined: the status counts. */
  failureOf(status: number, headers: Readonly<Record<string, string>>, body: Buffer | string): Failure | undefined;
  /**
   * @param answer of the last step
   * @throws KeywardError `provider_error` where the answer is not what the tool expects
   */
  outputOf(answer: Answer, scope: Scope): Promise<unknown>;
}
