import { createHash, randomBytes } from 'node:crypto';
import { agentKeySecretHash, formatAgentKey, newId, type Assignment, type ConnectionStatus } from '@keyward/contracts';
import pg from 'pg';

export interface SeededAgent {
  org: string;
  agent: string;
  keyId: string;
  key: string;
}

/** Writes what auth-service would, as the database's owner. */
export class Seed {
  private constructor(private readonly client: pg.Client) {}

  static async open(url: string): Promise<Seed> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new Seed(client);
  }

  close(): Promise<void> {
    return this.client.end();
  }

  /** As tool-executor keeps an output that is too large for the bus, but for its bytes. */
  async artifact(owner: SeededAgent, content: { type: string; body: Buffer; keepMs: number }): Promise<string> {
    const id = newId('art');
    const sha256 = createHash('sha256').update(content.body).digest();
    const values = [
      id,
      owner.org,
      owner.agent,
      'usr_ada',
      newId('exe'),
      content.type,
      content.body.length,
      sha256,
      content.keepMs,
      1_073_741_824,
    ];
    await this.client.query('SELECT execution.add_artifact($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', values);
    return id;
  }

  async organization(): Promise<string> {
    const org = newId('org');
    await this.client.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $2, $2)', [org, org.slice(0, 40)]);
    return org;
  }

  async agent(org: string, ...assignments: Assignment[]): Promise<SeededAgent> {
    const agent = newId('agt');
    await this.client.query('INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, $3, $3)', [
      agent,
      org,
      agent.slice(0, 40),
    ]);
    for (const { connector, permission, tools } of assignments) {
      await this.client.query(
        'INSERT INTO governance.assignment (id, org_id, agent_id, connector, permission, tools) VALUES ($1, $2, $3, $4, $5, $6)',
        [newId('asg'), org, agent, connector, permission, tools],
      );
    }
    return { org, agent, ...(await this.key(org, agent)) };
  }

  async key(org: string, agent: string): Promise<{ keyId: string; key: string }> {
    const keyId = newId('key');
    const secret = randomBytes(32).toString('base64url');
    await this.client.query(
      'INSERT INTO identity.agent_key (id, org_id, agent_id, secret_sha256, last_four) VALUES ($1, $2, $3, $4, $5)',
      [keyId, org, agent, agentKeySecretHash(secret), secret.slice(-4)],
    );
    return { keyId, key: formatAgentKey({ id: keyId, secret }) };
  }

  /** A connector that the organization posted; the same name again replaces it. */
  async connector(org: string, name: string, manifest: string, tools: string): Promise<void> {
    await this.client.query(
      `INSERT INTO governance.connector (org_id, name, manifest, tools) VALUES ($1, $2, $3, $4)
       ON CONFLICT (org_id, name) DO UPDATE SET version = connector.version + 1, manifest = $3, tools = $4`,
      [org, name, manifest, tools],
    );
  }

  async revokeKey(keyId: string): Promise<void> {
    await this.client.query('UPDATE identity.agent_key SET revoked_at = now() WHERE id = $1', [keyId]);
  }

  async connection({ org, agent }: SeededAgent, user: string, status: ConnectionStatus = 'active'): Promise<string> {
    const id = newId('conn');
    await this.client.query(
      `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context) VALUES ($1, $2, 'sandbox', 'client', $1)
       ON CONFLICT (org_id, provider) DO NOTHING`,
      [newId('app'), org],
    );
    await this.client.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, scopes, status)
       SELECT $1, $2, $3, 'sandbox', $4, a.id, '{notes:read}', $5 FROM vault.provider_app a WHERE a.org_id = $2 AND a.provider = 'sandbox'`,
      [id, org, user, agent, status],
    );
    return id;
  }

  /** Of the workspace, with a token that ends in an hour. */
  async workspaceConnection(org: string, grantees: readonly string[]): Promise<string> {
    const id = newId('conn');
    await this.client.query(
      `INSERT INTO vault.connection (id, org_id, kind, provider, scopes, status) VALUES ($1, $2, 'workspace', 'sandbox', '{}', 'active')`,
      [id, org],
    );
    await this.client.query(
      `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, access_expires_at, generation)
       VALUES ($1, $2, 'sandbox', 'sealed', now() + interval '1 hour', 1)`,
      [id, org],
    );
    for (const agent of grantees) {
      await this.client.query('INSERT INTO vault.connection_grantee (connection_id, org_id, agent_id) VALUES ($1, $2, $3)', [
        ...[id, org, agent],
      ]);
    }
    return id;
  }

  /** Trusts an issuer, whose workloads of this subject are the agent. */
  async workload({ org, agent }: Pick<SeededAgent, 'org' | 'agent'>, issuer: string, subject: string): Promise<void> {
    const id = newId('iss');
    await this.client.query(`INSERT INTO identity.trusted_issuer (id, org_id, issuer, audience) VALUES ($1, $2, $3, 'keyward')`, [
      ...[id, org, issuer],
    ]);
    await this.client.query(
      'INSERT INTO identity.workload_binding (id, org_id, trusted_issuer_id, agent_id, claims) VALUES ($1, $2, $3, $4, $5)',
      [newId('wlb'), org, id, agent, { sub: subject }],
    );
  }

  async expireKey(keyId: string, seconds: number): Promise<void> {
    await this.client.query('UPDATE identity.agent_key SET expires_at = now() + make_interval(secs => $2) WHERE id = $1', [
      ...[keyId, seconds],
    ]);
  }
}
