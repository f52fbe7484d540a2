import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { CONNECTORS, readManifest, type Manifest } from './emulatable.js';

/** What describes vendors to tests, and no service reads. */
const NOT_FOR_SERVICES = new Set(['contract.json', 'contract.graphql', 'samples.yaml', 'emulation.yaml']);

/** Copies the catalog, with the named connectors leading to the sandbox provider instead of their vendors. */
export function stageConnectors(names: readonly string[], sandboxUrl: string, into: string): void {
  rmSync(into, { recursive: true, force: true });
  cpSync(CONNECTORS, into, { recursive: true, filter: (source) => !NOT_FOR_SERVICES.has(basename(source)) });
  for (const name of names) {
    writeFileSync(
      join(into, name, 'connector.yaml'),
      stringify(led(readManifest(name), `${sandboxUrl}/vendors/${name}`, sandboxUrl)),
    );
  }
}

/**
 * The same API, at the same paths below another address. Grants come from the sandbox's OAuth server in the way of the standards; of the vendor
 * are the scopes, and how they are written. `sources` tell of the vendor's own endpoints; `probe` may be a request that its contract has not.
 */
function led({ sources: _sources, probe: _probe, ...manifest }: Manifest, at: string, issuer: string): object {
  const moved = (address: string): string => address.replace(/^https:\/\/[^/]+/, at);
  const { auth, refresh, revocation, base_url: base, bases = {} } = manifest;
  const byBearer = revocation?.authentication === 'bearer';
  return {
    ...manifest,
    title: `${manifest.title} (emulated)`,
    auth: {
      kind: auth.kind,
      issuer,
      authorization_response_iss_parameter_supported: true,
      authorization_endpoint: `${at}/oauth/authorize`,
      token_endpoint: `${at}/oauth/token`,
      ...(byBearer ? {} : { revocation_endpoint: `${at}/oauth/revoke` }),
      token_endpoint_auth_method: 'client_secret_post',
      scopes: auth.scopes,
    },
    // The sandbox forgives no refresh token that comes twice.
    refresh: { rotates: refresh?.rotates ?? false },
    revocation: byBearer ? { ...revocation, endpoint: `${at}/oauth/revoke` } : undefined,
    base_url: moved(base),
    bases: Object.fromEntries(Object.entries(bases).map(([name, address]) => [name, moved(address)])),
    origins: [issuer],
    told_origins: undefined,
  };
}
