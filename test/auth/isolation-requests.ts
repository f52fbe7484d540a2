import { custodyOperations } from '@keyward/contracts';
import type { Ids, Kind } from './isolation-world.js';

export interface Request {
  method: string;
  path: string;
  body?: object;
}

interface Sample {
  /** Kind of each parameter of the path, where its name alone doesn't say. */
  id?: Kind;
  body?: (ids: Ids) => object;
  query?: (ids: Ids) => Record<string, string>;
  /** Whether the organization is in the query; else it is in the body. */
  inQuery?: true;
  /** Ids in body and query, besides the organization. */
  names?: Kind[];
}

const inQuery = { inQuery: true } as const;
const named = (more: object = {}) => ({ body: ({ org }: Ids) => ({ organization: org, ...more }) });
const credentials = { clientId: 'c', clientSecret: 's' };

/** One sample per operation of the document that is not for everyone, nor for the operator alone. */
const SAMPLES: Record<string, Sample> = {
  getOrganization: { id: 'org' },
  updateOrganization: { id: 'org', body: () => ({ name: 'Taken over' }) },
  rotateDataKey: { id: 'org' },
  shredOrganization: { id: 'org', body: () => ({ confirm: 'x', revokeFirstSeconds: 0 }) },
  listMembers: inQuery,
  addMember: named({ email: 'evil@example.com', role: 'owner' }),
  changeMember: { id: 'member', ...named({ role: 'admin' }) },
  removeMember: { id: 'member', ...inQuery },
  createAgent: named({ slug: 'new-agent', name: 'New' }),
  listAgents: inQuery,
  getAgent: { id: 'agent', ...inQuery },
  createAgentKey: { id: 'agent', ...inQuery },
  listAgentKeys: { id: 'agent', ...inQuery },
  revokeAgentKeys: { id: 'agent', ...inQuery },
  rotateAgentKey: { id: 'agent', ...named({ overlapSeconds: 0 }) },
  revokeAgentKey: { id: 'agent', ...inQuery },
  replaceAssignments: { id: 'agent', ...named({ assignments: [] }) },
  listAssignments: { id: 'agent', ...inQuery },
  issueNatsCredentials: { id: 'agent', ...named() },
  putManifest: named({ manifest: { agent: 'new-agent', tools: [] } }),
  applyManifest: { id: 'agent', ...named({ manifest: { agent: 'new-agent', tools: [] } }) },
  getManifest: { id: 'agent', ...inQuery },
  getTokenRelease: { id: 'agent', ...inQuery },
  grantTokenRelease: { id: 'agent', ...inQuery },
  withdrawTokenRelease: { id: 'agent', ...inQuery },
  listConnectors: inQuery,
  getConnector: inQuery,
  postConnector: named({ manifest: 'x' }),
  removeConnector: inQuery,
  getConnectorOverlay: inQuery,
  putConnectorOverlay: named({ overlay: 'x' }),
  removeConnectorOverlay: inQuery,
  listConnections: { ...inQuery, names: ['agent', 'user'], query: ({ agent, user }) => ({ agent, user }) },
  createConnection: {
    names: ['agent'],
    body: ({ org, agent }) => ({ organization: org, agent, user: 'x', provider: 'sandbox_key', secret: 'x', probe: false }),
  },
  revokeConnections: { names: ['agent', 'user'], body: ({ org, agent, user }) => ({ organization: org, agent, user }) },
  getConnection: { id: 'connection', ...inQuery },
  disconnect: { id: 'connection', ...inQuery },
  getConnectionHistory: { id: 'connection', ...inQuery },
  testConnection: { id: 'connection', ...inQuery },
  replaceConnectionAgents: {
    id: 'workspace',
    names: ['agent'],
    body: ({ org, agent }) => ({ organization: org, agents: [agent] }),
  },
  eraseUser: inQuery,
  createConnectSession: {
    names: ['agent'],
    body: ({ org, agent }) => ({ organization: org, agent, user: 'x', provider: 'sandbox' }),
  },
  getConnectSession: { id: 'session', ...inQuery },
  createProviderApp: named({ provider: 'sandbox', ...credentials }),
  listProviderApps: inQuery,
  getProviderApp: { id: 'app', ...inQuery },
  replaceProviderApp: { id: 'app', ...named(credentials) },
  removeProviderApp: { id: 'app', ...inQuery },
  addTrustedIssuer: named({ issuer: 'https://evil.example', audience: 'x' }),
  listTrustedIssuers: inQuery,
  removeTrustedIssuer: { id: 'issuer', ...inQuery },
  addWorkloadBinding: {
    id: 'issuer',
    names: ['agent'],
    body: ({ org, agent }) => ({ organization: org, agent, claims: { sub: 'x' } }),
  },
  listWorkloadBindings: { id: 'issuer', ...inQuery },
  removeWorkloadBinding: { id: 'issuer', ...inQuery },
  addWebhookEndpoint: named({ url: 'https://evil.example/hook' }),
  listWebhookEndpoints: inQuery,
  getWebhookEndpoint: { id: 'endpoint', ...inQuery },
  updateWebhookEndpoint: { id: 'endpoint', ...named({ url: 'https://evil.example/hook' }) },
  removeWebhookEndpoint: { id: 'endpoint', ...inQuery },
  rotateWebhookSecret: { id: 'endpoint', ...named() },
  testWebhookEndpoint: { id: 'endpoint', ...named() },
  createBudget: {
    names: ['agent'],
    body: ({ org, agent }) => ({ organization: org, agent, name: 'theirs', period: 'day', maxCalls: 1 }),
  },
  listBudgets: inQuery,
  getBudget: { id: 'budget', ...inQuery },
  updateBudget: { id: 'budget', ...named({ maxCalls: 1_000_000 }) },
  removeBudget: { id: 'budget', ...inQuery },
  listWebhookDeliveries: { id: 'endpoint', ...inQuery },
};

const recipientKey = { kty: 'OKP', crv: 'X25519', x: 'x'.repeat(43) };
const CUSTODY: Record<(typeof custodyOperations)[number], (ids: Ids) => object> = {
  get_oauth_url: () => ({ user: 'x', provider: 'sandbox' }),
  handle_oauth_callback: () => ({ context: '0'.repeat(32), query: 'code=x&state=x', browser: 'x' }),
  get_access_token: ({ connection }) => ({ connection, recipientKey }),
  list_integrations: ({ user }) => ({ user }),
  get_integration: ({ connection }) => ({ connection }),
  disconnect_integration: ({ connection }) => ({ connection }),
};

export interface Route {
  name: string;
  /** Every id that it takes. */
  kinds: Kind[];
  request: (ids: Ids) => Request;
}

const OF_PARAMETER: Partial<Record<string, Kind>> = { key: 'key', binding: 'binding', user: 'user', name: 'connector' };

/** @throws where an operation has no sample: a new route is not forgotten here */
export function routeOf(id: string, method: string, template: string): Route[] {
  if (id === 'custody') return custodyRoutes();
  const sample = SAMPLES[id];
  if (sample === undefined) throw new Error(`${id} is in no sample of the isolation matrix`);
  const parameters = [...template.matchAll(/\{([a-z]+)\}/gi)].map(([, name = '']) => name);
  const kindOf = (name: string): Kind | undefined => (name === 'id' ? sample.id : OF_PARAMETER[name]);
  const inPath = parameters.flatMap((name) => kindOf(name) ?? []);
  const request = (ids: Ids): Request => {
    const path = template.replaceAll(/\{([a-z]+)\}/gi, (_all, name: string) => {
      const kind = kindOf(name);
      return encodeURIComponent(kind === undefined ? 'sandbox' : ids[kind]);
    });
    const query = new URLSearchParams({ ...(sample.inQuery && { organization: ids.org }), ...sample.query?.(ids) });
    return { method, path: `${path}${query.size === 0 ? '' : `?${query}`}`, ...(sample.body && { body: sample.body(ids) }) };
  };
  return [{ name: id, kinds: [...new Set<Kind>(['org', ...inPath, ...(sample.names ?? [])])], request }];
}

function custodyRoutes(): Route[] {
  return custodyOperations.map((operation) => {
    const takes = ['connection', 'user'].filter(
      (kind) => operation !== 'get_oauth_url' && kind in CUSTODY[operation](EMPTY),
    ) as Kind[];
    return {
      name: `custody ${operation}`,
      kinds: ['org', 'agent', ...takes],
      request: (ids: Ids) => ({
        method: 'POST',
        path: `/v1/custody/${operation}`,
        body: { org: ids.org, agent: ids.agent, ...CUSTODY[operation](ids) },
      }),
    };
  });
}

const EMPTY = { connection: '', user: '' } as Ids;
