import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { isLoopbackManifest } from '../resolve/loopback.js';
import { factsOf } from './facts.js';

type Report = (path: readonly PropertyKey[], detail: string) => void;

/**
 * Whether every fact of a manifest names the page and the day it was read. A provider on this machine is its own documentation.
 *
 * @param document connector.yaml as it was read, variables filled in
 * @param today `YYYY-MM-DD`
 */
export function checkSources(
  manifest: ProviderManifest,
  document: Readonly<Record<string, unknown>>,
  today: string,
  report: Report,
): void {
  if (isLoopbackManifest(manifest)) return;
  if (manifest.documentation === undefined)
    report(['documentation'], 'is missing: the page where the provider describes its API');
  if (manifest.sources.length === 0) report(['sources'], 'is missing: the pages that this was read on, and when');
  for (const [index, { checked, covers }] of manifest.sources.entries()) {
    if (checked > today) report(['sources', index, 'checked'], `lies in the future (today is ${today})`);
    for (const [at, pointer] of covers.entries()) {
      if (!exists(manifest, pointer)) report(['sources', index, 'covers', at], `there is nothing at ${pointer || '/'}`);
    }
  }
  const covers = manifest.sources.flatMap((source) => source.covers);
  for (const fact of factsOf(document)) {
    const covered = covers.some((pointer) => fact === pointer || fact.startsWith(`${pointer}/`));
    if (!covered) report(placeOf(fact), 'no source covers it');
  }
  const { default: scopes, descriptions } = manifest.auth.scopes;
  for (const scope of scopes) {
    if (!Object.hasOwn(descriptions, scope))
      report(['auth', 'scopes', 'descriptions'], `says nothing of the default scope "${scope}"`);
  }
}

function exists(manifest: unknown, pointer: string): boolean {
  let node = manifest;
  for (const key of placeOf(pointer)) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return false;
    node = (node as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return true;
}

/** RFC 6901 section 4. List positions stay texts where nothing needs numbers. */
function placeOf(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((token) => (/^\d+$/.test(token) ? Number(token) : token));
}
