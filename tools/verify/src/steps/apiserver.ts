import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ApiAnswer, ApiClient } from '../apiserver/api-client.js';
import { startControlPlane, type ControlPlanePrograms } from '../apiserver/control-plane.js';
import { KUBERNETES_VERSIONS } from '../schemas/catalog.js';
import type { Rendered, Step } from './step.js';

interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/** What the API server says about one kind, in its discovery. */
interface Resource {
  name: string;
  kind: string;
  namespaced: boolean;
}

const NAMESPACE = 'keyward';
const RESTRICTED = Object.fromEntries(['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']));

/** Strict: a member that the server does not know is an error. Nothing is kept. */
const DRY_RUN = '?fieldManager=verify&force=true&fieldValidation=Strict&dryRun=All';

/** A pod that no namespace with `restricted` may take: a server that does shows nothing. */
const FORBIDDEN = {
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'forbidden', namespace: NAMESPACE } },
  spec: { containers: [{ name: 'root', image: 'example.com/root', securityContext: { privileged: true } }] },
};

/** Made with programs that take minutes to build, so it is asked for by --apiserver. */
export function apiserver(programs: ControlPlanePrograms): Step {
  return {
    name: 'apiserver',
    shows: 'a real kube-apiserver takes every object: defaulting, strict validation, admission with Pod Security `restricted`',
    async run({ rendered, directory }) {
      const home = join(directory, 'control-plane');
      mkdirSync(home);
      const plane = await startControlPlane(programs, home);
      try {
        const newest = rendered.filter(({ kubernetes }) => kubernetes === KUBERNETES_VERSIONS.at(-1));
        const asked = new Asking(plane.api);
        await asked.refusesWhatIsForbidden();
        for (const one of newest) await asked.takes(one);
        return { summary: asked.summary(), problems: asked.problems };
      } finally {
        await plane.stop();
      }
    },
  };
}

class Asking {
  readonly problems: string[] = [];
  readonly #resources = new Map<string, Promise<readonly Resource[]>>();
  readonly #namespaces = new Set<string>();
  readonly #notServed = new Set<string>();
  #taken = 0;

  constructor(private readonly api: ApiClient) {}

  summary(): string {
    const others =
      this.#notServed.size === 0 ? '' : `; of operators, so not asked about: ${[...this.#notServed].sort().join(', ')}`;
    return `${this.#taken} objects taken${others}`;
  }

  async refusesWhatIsForbidden(): Promise<void> {
    await this.#ensureNamespace(NAMESPACE);
    const answer = await this.#apply(FORBIDDEN);
    if (answer?.status !== 403)
      this.problems.push(`The server takes a privileged pod into a restricted namespace (${String(answer?.status)}).`);
  }

  async takes({ name, file }: Rendered): Promise<void> {
    const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as KubernetesObject | null);
    for (const object of documents) {
      if (object === null) continue;
      const answer = await this.#apply(object);
      if (answer === undefined) this.#notServed.add(object.kind);
      else if (answer.status >= 300 || answer.warnings.length > 0)
        this.problems.push(
          `${name}: ${object.kind} ${object.metadata.name}: ${answer.warnings.join('; ')} ${reasonOf(answer.body)}`,
        );
      else this.#taken += 1;
    }
  }

  /** Undefined where the server does not know the kind. */
  async #apply(object: KubernetesObject): Promise<ApiAnswer | undefined> {
    const resources = await this.#discover(object.apiVersion);
    const resource = resources.find(({ kind, name }) => kind === object.kind && !name.includes('/'));
    if (resource === undefined) return undefined;
    const { name, namespace = NAMESPACE } = object.metadata;
    if (resource.namespaced) await this.#ensureNamespace(namespace);
    const within = resource.namespaced ? `/namespaces/${namespace}` : '';
    return this.api.request('PATCH', `${rootOf(object.apiVersion)}${within}/${resource.name}/${name}${DRY_RUN}`, object);
  }

  #discover(apiVersion: string): Promise<readonly Resource[]> {
    const known = this.#resources.get(apiVersion);
    if (known !== undefined) return known;
    const asked = this.api
      .request('GET', rootOf(apiVersion))
      .then(({ status, body }) => (status === 200 ? (body as { resources: Resource[] }).resources : []));
    this.#resources.set(apiVersion, asked);
    return asked;
  }

  /** Not a dry run: what is in it is looked at as in a namespace that exists. */
  async #ensureNamespace(name: string): Promise<void> {
    if (this.#namespaces.has(name)) return;
    this.#namespaces.add(name);
    const metadata = { name, labels: RESTRICTED };
    await this.api.request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
  }
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function reasonOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : '';
}
