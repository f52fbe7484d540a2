import { stringify } from 'yaml';

export interface SecretManifest {
  apiVersion: 'v1';
  kind: 'Secret';
  metadata: { name: string; namespace: string; labels: Record<string, string> };
  type: 'Opaque';
  stringData: Record<string, string>;
}

export function secretManifest(name: string, namespace: string, stringData: Record<string, string>): SecretManifest {
  const labels = { 'app.kubernetes.io/part-of': 'keyward' };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels }, type: 'Opaque', stringData };
}

/** One document after the other, as kubectl reads them. */
export function documents(manifests: readonly object[]): string {
  return manifests.map((manifest) => stringify(manifest, { lineWidth: 0 })).join('---\n');
}
