import {
  FaultProxy,
  httpProtocol,
  natsProtocol,
  postgresProtocol,
  type ArmedFault,
  type FaultRule,
} from '@keyward/testing/fault-proxy';
import { Replica } from '../../apps/token-refresher/test/faults/replica.js';
import { behaviours, type Behaviour } from './behaviours.js';
import type { FaultWorld } from './fault-world.js';
import { identity } from './key-service.js';

/** Short, because recovery waits for it; a token request times out after a third. */
export const LEASE_MS = 2100;

/** What a replica talks to, other than providers. */
export type Dependency = 'postgres' | 'nats' | 'kms';

/** Where a replica runs: its ways to everything, each through a proxy of its own, and one process at a time. */
export class Site {
  /** Refresh tokens that were sent to a token endpoint, and no answer told the replica what became of them. */
  readonly unanswered = new Set<string>();
  readonly #dependencies = new Map<Dependency, FaultProxy>();
  readonly #providers = new Map<string, FaultProxy>();
  #replica: Replica | undefined;

  private constructor(
    private readonly faultWorld: FaultWorld,
    readonly name: string,
  ) {}

  static async open(faultWorld: FaultWorld, name: string): Promise<Site> {
    const site = new Site(faultWorld, name);
    const { KEYWARD_DATABASE_URL, KEYWARD_NATS_URL, KEYWARD_KMS_ENDPOINT } = faultWorld.world.env();
    site.#dependencies.set('postgres', await FaultProxy.start(postgresProtocol, String(KEYWARD_DATABASE_URL)));
    site.#dependencies.set('nats', await FaultProxy.start(natsProtocol, String(KEYWARD_NATS_URL)));
    if (KEYWARD_KMS_ENDPOINT !== undefined)
      site.#dependencies.set('kms', await FaultProxy.start(httpProtocol, KEYWARD_KMS_ENDPOINT));
    for (const url of new Set(behaviours.map((behaviour) => faultWorld.providerUrl(behaviour)))) {
      site.#providers.set(url, await FaultProxy.start(httpProtocol, url, (request, answer) => site.#exchanged(request, answer)));
    }
    return site;
  }

  /** The process that runs here. */
  get replica(): Replica {
    if (this.#replica === undefined) throw new Error(`nothing runs at ${this.name}`);
    return this.#replica;
  }

  /** Starts a process where none runs. */
  async ensure(): Promise<void> {
    if (this.#replica?.alive === true) return;
    this.#replica = await Replica.start(this.#env());
  }

  dependency(name: Dependency): FaultProxy {
    const proxy = this.#dependencies.get(name);
    if (proxy === undefined) throw new Error(`there is no ${name}`);
    return proxy;
  }

  provider(behaviour: Behaviour): FaultProxy {
    return this.#providers.get(this.faultWorld.providerUrl(behaviour)) as FaultProxy;
  }

  arm(at: Dependency | Behaviour, rule: FaultRule): ArmedFault {
    const isProvider = (behaviours as readonly string[]).includes(at);
    return (isProvider ? this.provider(at as Behaviour) : this.dependency(at as Dependency)).arm(rule);
  }

  /** No more faults: on the ways, in the process, of its clock. */
  heal(): void {
    for (const proxy of [...this.#dependencies.values(), ...this.#providers.values()]) proxy.heal();
    this.#replica?.disarm();
    this.#replica?.goOn();
  }

  /** As at the beginning, for another schedule. */
  forget(): void {
    this.unanswered.clear();
    this.#replica?.forget();
  }

  /** By SIGTERM, as an orchestrator does it. */
  async restart(): Promise<void> {
    await this.#replica?.stop();
    await this.ensure();
  }

  async end(): Promise<void> {
    if (this.#replica?.alive === true) await this.#replica.kill();
  }

  async close(): Promise<void> {
    await this.end();
    await Promise.all([...this.#dependencies.values(), ...this.#providers.values()].map((proxy) => proxy.stop()));
  }

  #env(): Record<string, string> {
    const variables = Object.fromEntries(behaviours.map((behaviour) => [behaviour, { url: this.provider(behaviour).url }]));
    const kms = this.#dependencies.get('kms');
    const level = process.env['KEYWARD_LOG_LEVEL'];
    return this.faultWorld.world.env({
      KEYWARD_REFRESH_LEASE_MS: String(LEASE_MS),
      ...(level === undefined ? {} : { KEYWARD_LOG_LEVEL: level }),
      KEYWARD_DATABASE_URL: this.dependency('postgres').url,
      KEYWARD_NATS_URL: this.dependency('nats').url,
      ...(kms === undefined ? {} : { KEYWARD_KMS_ENDPOINT: kms.url, ...identity }),
      KEYWARD_CONNECTORS_DIR: this.faultWorld.connectors,
      KEYWARD_CONNECTOR_VARIABLES: JSON.stringify(variables),
      KEYWARD_EGRESS_PRIVATE_ORIGINS: [...this.#providers.values()].map(({ url }) => url).join(','),
    });
  }

  #exchanged(request: Buffer, answer: Buffer | undefined): void {
    const text = request.toString('latin1');
    if (!text.startsWith('POST /token ') || tellsWhatBecame(answer)) return;
    const token = new URLSearchParams(text.slice(text.indexOf('\r\n\r\n') + 4)).get('refresh_token');
    if (token !== null) this.unanswered.add(token);
  }
}

/** Tokens, or a refusal of the server itself. A gateway's word, or half a sentence, tells nothing. */
function tellsWhatBecame(answer: Buffer | undefined): boolean {
  const [, status = ''] = /^HTTP\/1.1 (\d{3})/.exec(answer?.toString('latin1') ?? '') ?? [];
  if (status === '200') return answer?.includes('"refresh_token":"') === true;
  return status.startsWith('4') || status === '500' || status === '503';
}
