import { newId, type IdPrefix } from '@keyward/contracts';
import { Browser } from './browser.js';
import type { AuthHarness, Tenant } from './harness.js';

/** Everything of an organization that has an id, by what it is. */
export interface Ids {
  org: string;
  agent: string;
  key: string;
  app: string;
  connection: string;
  workspace: string;
  session: string;
  member: string;
  issuer: string;
  binding: string;
  connector: string;
  endpoint: string;
  budget: string;
  user: string;
}
export type Kind = keyof Ids;

const PREFIX: Partial<Record<Kind, IdPrefix>> = {
  org: 'org',
  agent: 'agt',
  key: 'key',
  app: 'app',
  connection: 'conn',
  workspace: 'conn',
  session: 'cse',
  member: 'mbr',
  issuer: 'iss',
  binding: 'wlb',
  endpoint: 'whe',
  budget: 'bgt',
};

/** Well formed, and nobody's. */
export function absentId(kind: Kind): string {
  const prefix = PREFIX[kind];
  return prefix === undefined ? `nobody-${newId('msg').slice(-12)}` : newId(prefix);
}

/** An organization that has one of everything. */
export async function furnish(auth: AuthHarness, name: string): Promise<{ ids: Ids; tenant: Tenant }> {
  const tenant = await auth.tenant();
  const { org, agent, app } = tenant;
  const made = async (path: string, body: object): Promise<string> => {
    const answer = await auth.ask(path, { body: { organization: org, ...body } });
    if (answer.status !== 201) throw new Error(`${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    return String(answer.body['id'] ?? answer.body['name']);
  };
  const user = `usr_${name}`;
  const session = await auth.session(tenant, { user });
  await new Browser().connect(session.url);
  const connection = (await auth.connections(tenant))[0]?.id ?? '';
  const workspace = await made('/v1/connections', {
    kind: 'workspace',
    agents: [agent],
    provider: 'sandbox_key',
    secret: 'an API key',
    probe: false,
  });
  const issuer = await made('/v1/trusted-issuers', { issuer: 'https://cluster.example', audience: `keyward:${org}` });
  const ids = {
    org,
    agent,
    key: await made(`/v1/agents/${agent}/keys`, {}),
    app: app.id,
    connection,
    workspace,
    session: session.id,
    member: await made('/v1/members', { email: `${name}@example.com`, role: 'viewer' }),
    issuer,
    binding: await made(`/v1/trusted-issuers/${issuer}/bindings`, { agent, claims: { sub: name } }),
    connector: await made('/v1/connectors', { manifest: manifestOf(`own_${name}`) }),
    endpoint: await made('/v1/webhook-endpoints', { url: 'https://receiver.example/hook' }),
    budget: await made('/v1/budgets', { name: `own_${name}`, agent, period: 'day', maxCalls: 10 }),
    user,
  };
  await auth.ask(`/v1/agents/${agent}/manifest`, {
    method: 'PUT',
    body: { organization: org, manifest: { agent: name, tools: [] } },
  });
  return { ids, tenant };
}

/** What the database holds of an organization, so that a change of anything shows. */
export async function snapshot(auth: AuthHarness, org: string): Promise<string> {
  const { rows: tables } = await auth.database.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.columns
     WHERE column_name = 'org_id' AND table_schema IN ('identity', 'governance', 'vault', 'connect', 'notification') ORDER BY 1`,
  );
  const contents: string[] = [];
  for (const { name } of tables) {
    const { rows } = await auth.database.query<{ line: string }>(
      `SELECT t::text AS line FROM ${name} t WHERE org_id = $1 ORDER BY 1`,
      [org],
    );
    contents.push(`${name}: ${rows.map(({ line }) => line).join(' ')}`);
  }
  return contents.join('\n');
}

function manifestOf(name: string): string {
  const origin = `https://${name.replace('_', '-')}.example`;
  return `name: ${name}\ntitle: ${name}\ncategories: [crm]\nauth: { kind: api_key }\nbase_url: ${origin}\norigins: ['${origin}']\n`;
}
