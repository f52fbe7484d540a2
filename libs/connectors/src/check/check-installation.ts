import { hasAuth, type ProviderManifest } from '../manifest/provider-manifest.js';
import { isLoopbackManifest } from '../resolve/loopback.js';

/** An id that comes back with the browser proves nothing: whoever changes it has somebody else's installation. */
export function checkInstallation(
  manifest: ProviderManifest,
  report: (path: readonly PropertyKey[], detail: string) => void,
): void {
  if (isLoopbackManifest(manifest) || !hasAuth(manifest, 'app_installation')) return;
  if (manifest.auth.user_authorization === undefined)
    report(['auth', 'user_authorization'], 'is missing: how a person shows that the installation is theirs');
}
