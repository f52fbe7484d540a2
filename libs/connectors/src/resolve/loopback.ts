import { isUrlPlace, textsOf } from '../manifest/places.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';

const known = new WeakMap<ProviderManifest, boolean>();

/** Whether this provider runs on this machine: some address that is written out is plain http, which the schema allows there only. */
export function isLoopbackManifest(manifest: ProviderManifest): boolean {
  let loopback = known.get(manifest);
  if (loopback === undefined) {
    loopback = [...textsOf(manifest)].some(([place, text]) => isUrlPlace(place) && text.startsWith('http://'));
    known.set(manifest, loopback);
  }
  return loopback;
}
