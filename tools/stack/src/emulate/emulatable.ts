import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../root.js';

export const CONNECTORS = join(root, 'connectors');

/** `connector.yaml`, as far as it is looked at here. */
export interface Manifest extends Record<string, unknown> {
  title: string;
  auth: { kind: string; scopes?: unknown };
  refresh?: { rotates?: boolean };
  revocation?: { authentication?: string };
  base_url: string;
  bases?: Record<string, string>;
}

export function readManifest(connector: string): Manifest {
  return parse(readFileSync(join(CONNECTORS, connector, 'connector.yaml'), 'utf8')) as Manifest;
}

/** The connectors whose vendors the sandbox can stand for: a person's grant of scopes, nothing else to ask for, and a contract. */
export function emulatable(): string[] {
  return readdirSync(CONNECTORS).filter((name) => {
    const folder = join(CONNECTORS, name);
    if (!['contract.json', 'contract.graphql'].some((file) => existsSync(join(folder, file)))) return false;
    const { auth, app_parameters: ofApps, connection_parameters: ofConnections } = readManifest(name);
    return (
      auth.kind === 'oauth2_authorization_code' &&
      auth.scopes !== undefined &&
      ofApps === undefined &&
      ofConnections === undefined
    );
  });
}

/** @param text names with commas between them @throws Error that names those that can be */
export function parseEmulated(text: string): string[] {
  const possible = emulatable();
  const names = [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '');
  const other = names.find((name) => !possible.includes(name));
  if (other === undefined && names.length > 0) return names;
  const what = other === undefined ? 'Name the vendors to emulate' : `${other} can not be emulated. These can`;
  throw new Error(`${what}: ${possible.join(', ')}.`);
}
