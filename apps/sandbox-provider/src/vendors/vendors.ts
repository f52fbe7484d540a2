import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { SandboxConfig } from '../config.js';
import type { EmulatedVendor } from './emulated-vendor.js';

/** Where the OAuth server is for each vendor, and where it really is. */
const OAUTH = /^\/vendors\/([a-z0-9_]+)\/oauth\/(authorize|token|revoke)(?:\?(.*))?$/;
const PATHS: Readonly<Record<string, string>> = { authorize: '/auth', token: '/token', revoke: '/token/revocation' };

/** The vendors that stand here beside the notes. */
export class Vendors {
  private constructor(private readonly byName: ReadonlyMap<string, EmulatedVendor>) {}

  /** @throws Error where one can not be emulated */
  static async open({ dir, names }: NonNullable<SandboxConfig['vendors']>): Promise<Vendors> {
    // Validators and a GraphQL engine cost half a second and 20 MB: who emulates nothing does not load them.
    const { EmulatedVendor: Emulated } = await import('./emulated-vendor.js');
    return new Vendors(new Map(names.map((name) => [name, Emulated.open(join(dir, name))])));
  }

  static none(): Vendors {
    return new Vendors(new Map());
  }

  get(name: unknown): EmulatedVendor | undefined {
    return typeof name === 'string' ? this.byName.get(name) : undefined;
  }

  /** Of all of them. */
  get scopes(): string[] {
    return [...new Set([...this.byName.values()].flatMap((vendor) => Object.keys(vendor.scopes)))];
  }

  /**
   * Leads a request to a vendor's OAuth endpoints to the server that stands for all of them, with the vendor's way of writing scopes undone.
   * @returns whether it was one
   */
  leadToOAuth(request: IncomingMessage): boolean {
    const [, name, endpoint = '', query] = OAUTH.exec(request.url ?? '') ?? [];
    const vendor = this.get(name);
    if (vendor === undefined || (endpoint === 'revoke' && isBearer(request))) return false;
    const parameters = new URLSearchParams(query);
    const scope = parameters.get('scope');
    if (scope !== null) parameters.set('scope', vendor.standardScope(scope));
    request.url = PATHS[endpoint] + (query === undefined ? '' : `?${parameters.toString()}`);
    return true;
  }
}

/** Some vendors have the token that ends ask for it, instead of RFC 7009. */
const isBearer = ({ headers }: IncomingMessage): boolean => /^bearer /i.test(headers.authorization ?? '');
