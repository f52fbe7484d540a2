import type { Connection } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Acme } from './acme.js';
import { AuthHarness, type Answer, type Tenant } from './harness.js';

type Team = Pick<Tenant, 'org' | 'agent'>;

/** auth-service, and a provider that is whatever a test needs it to be. */
export class AcmeHarness {
  private constructor(
    readonly auth: AuthHarness,
    readonly acme: Acme,
  ) {}

  static async start(): Promise<AcmeHarness> {
    const acme = await Acme.start();
    return new AcmeHarness(await AuthHarness.start({ env: acme.env }), acme);
  }

  async stop(): Promise<void> {
    await this.auth.stop();
    await this.acme.stop();
  }

  /** With a key that Acme takes, for ada, unless `change` says otherwise. */
  connect<T = Connection>({ org, agent }: Team, change: object = {}): Promise<Answer<T>> {
    const secret = this.acme.newKey();
    const body = { organization: org, agent, user: 'usr_ada', provider: 'acme_key', secret, ...change };
    return this.auth.ask<T>('/v1/connections', { body });
  }

  async connected(team: Team, change: object = {}): Promise<Connection> {
    const { status, body } = await this.connect(team, change);
    if (status !== 201) throw new Error(`a connection was answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  async read(org: string, id: string): Promise<Connection> {
    return (await this.auth.ask<Connection>(`/v1/connections/${id}?organization=${org}`)).body;
  }

  /** The order to revoke at the provider is in this state; the waits between its attempts are cut short. */
  settled(org: string, id: string, state: string): Promise<Connection> {
    return waitFor(async () => {
      await this.auth.database.query(
        `UPDATE vault.provider_revocation SET next_attempt_at = now() WHERE connection_id = $1 AND next_attempt_at < now() + interval '30 s'`,
        [id],
      );
      const connection = await this.read(org, id);
      return connection.revocation?.state === state ? connection : undefined;
    });
  }

  /** The order has been tried so often; the wait for the next attempt is cut short. */
  tried(org: string, id: string, attempts: number): Promise<Connection> {
    return waitFor(async () => {
      await this.auth.database.query(
        `UPDATE vault.provider_revocation SET next_attempt_at = least(next_attempt_at, now())
         WHERE connection_id = $1 AND attempts < $2`,
        [id, attempts],
      );
      const connection = await this.read(org, id);
      return (connection.revocation?.attempts ?? 0) >= attempts ? connection : undefined;
    });
  }
}
