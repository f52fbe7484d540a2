import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { PageRequest, RenderedRequest, Scope } from '../tool/tool.js';
import type { Declared } from './declared.js';
import type { Placement } from './placement.js';

/** What a request is compiled in. */
export interface RequestContext {
  readonly provider: ProviderManifest;
  readonly declared: Declared;
  /** Ids of the steps before. */
  readonly steps: ReadonlySet<string>;
  /** Whether it is made once per item of a list, which is `$item` then. */
  readonly hasItem?: boolean;
  /** Header that takes the idempotency key, and what the key is. */
  readonly idempotency: { readonly header: string; readonly keyOf: (scope: Scope) => string } | undefined;
  /** Of a tool with pagination. */
  readonly place: ((page: PageRequest) => Placement) | undefined;
  /** Names of parameters, members and variables that pagination fills. */
  readonly paged: { readonly query: ReadonlySet<string>; readonly variables: ReadonlySet<string>; readonly needsBody: boolean };
}

export interface CompiledRequest {
  readonly pathTemplate: string;
  /** By its method, or by what kind of operation it is. */
  readonly isRead: boolean;
  readonly render: (scope: Scope, page?: PageRequest) => Promise<RenderedRequest>;
}

const NOTHING: Placement = { query: [], body: [], variables: {} };

export function placementOf({ place }: RequestContext, page: PageRequest | undefined): Placement {
  return place === undefined || page === undefined ? NOTHING : place(page);
}
