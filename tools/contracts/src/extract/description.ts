import type { Method, Operation, Schema } from '@keyward/vendor-emulation';

/** An operation as a description lists it. */
export interface Listed {
  readonly method: Method;
  /** Server and path: `https://api.github.com/repos/{owner}/{repo}`. */
  readonly address: string;
  readonly server: string;
  readonly path: string;
  /** Whether a tool's address that has the form of this one is meant, where the form alone does not tell. */
  fits?(address: string): boolean;
  /** What the contract tells of it; references are to `#/components/schemas/<name>`. */
  facts(): Operation;
}

/** One file of a vendor, read by its format. */
export interface Description {
  readonly operations: readonly Listed[];
  /** By the names that the facts refer to. */
  schema(name: string): Schema | undefined;
}
