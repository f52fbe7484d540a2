import { once } from 'node:events';
import { createServer, IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import formbody from '@fastify/formbody';
import Fastify from 'fastify';
import { registerBehaviour } from './api/behaviour-routes.js';
import { registerForms, registerMultipart } from './api/content-routes.js';
import { registerEnvelopes } from './api/envelope-routes.js';
import { registerFiles, registerUploads } from './api/file-routes.js';
import { registerGraphql } from './api/graphql-routes.js';
import { registerKeyed } from './api/keyed-routes.js';
import { registerListings } from './api/listing-routes.js';
import { registerNotes } from './api/notes-routes.js';
import { registerOrders } from './api/order-routes.js';
import { registerPublications } from './api/publication-routes.js';
import { Chaos } from './chaos/chaos.js';
import { registerChaos } from './chaos/routes.js';
import { SpoilableResponse } from './chaos/spoilable-response.js';
import type { SandboxConfig } from './config.js';
import { registerManagement } from './management/routes.js';
import { registerMcp } from './mcp/mcp-routes.js';
import { Accounts } from './oauth/accounts.js';
import { newCounters } from './oauth/counters.js';
import { Faults } from './oauth/faults.js';
import { createProvider } from './oauth/provider.js';
import { registerPages } from './pages/routes.js';
import { ApiKeys } from './store/api-keys.js';
import { openDatabase } from './store/database.js';
import { Files } from './store/files.js';
import { Notes } from './store/notes.js';
import { OAuthRecords } from './store/oauth-records.js';
import { registerVendors } from './vendors/vendor-routes.js';
import { Vendors } from './vendors/vendors.js';

export interface Sandbox {
  /** Issuer and base of everything. */
  url: string;
  close(): Promise<void>;
}

/** What this application serves itself; everything else is oidc-provider's. */
const OURS = /^\/(api\/|keyed\/|mcp(?:$|\?)|\.well-known\/oauth-protected-resource|sandbox\/|vendors\/|interaction\/|$|\?)/;
const PURGE_INTERVAL_MS = 60_000;

export async function startSandbox(config: SandboxConfig): Promise<Sandbox> {
  const vendors = config.vendors === undefined ? Vendors.none() : await Vendors.open(config.vendors);
  // The issuer is this server's own URL, so the port must be known before there is anything to serve.
  let handle: RequestListener = (_request, response) => response.writeHead(503).end();
  const chaos = new Chaos();
  const server = createServer({ IncomingMessage, ServerResponse: SpoilableResponse }, (request, response) =>
    chaos.serve(request, response, () => handle(request, response)),
  );
  server.listen(config.port, config.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;

  const database = openDatabase(config.database);
  const records = new OAuthRecords(database);
  const accounts = new Accounts(config.user, config.password);
  const counters = newCounters();
  const faults = new Faults();
  const { accessTokenTtlSeconds } = config;
  const provider = await createProvider({
    ...{ issuer: url, accessTokenTtlSeconds, database, records, accounts, counters, faults },
    vendorScopes: vendors.scopes,
  });

  const notes = new Notes(database);
  const apiKeys = new ApiKeys(database);
  const files = new Files();
  const app = Fastify({ bodyLimit: 1_048_576, exposeHeadRoutes: false });
  await app.register(formbody);
  await app.register(async (pages) => registerPages(pages, provider, accounts, vendors));
  await app.register(async (api) => {
    registerNotes(api, notes, records.accessTokens);
    registerBehaviour(api, records.accessTokens);
    registerOrders(api, records.accessTokens);
    registerListings(api, url, records.accessTokens);
    registerForms(api, records.accessTokens);
    registerUploads(api, url, files, records.accessTokens);
    registerPublications(api, notes, records.accessTokens);
    registerEnvelopes(api, records.accessTokens);
    registerGraphql(api, notes, records.accessTokens);
    registerKeyed(api, notes, apiKeys);
    registerMcp(api, url, notes, records.accessTokens);
  });
  await app.register(async (raw) => {
    raw.removeAllContentTypeParsers();
    raw.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    registerMultipart(raw, records.accessTokens);
    registerFiles(raw, files, records.accessTokens);
    registerVendors(raw, vendors, records);
  });
  await app.register(async (management) => {
    registerManagement(management, {
      ...{ token: config.managementToken, provider, records, accounts, counters, faults, apiKeys, vendors },
    });
    registerChaos(management, chaos);
  });
  await app.ready();
  const oauth = provider.callback();
  handle = (request, response) => {
    if (vendors.leadToOAuth(request)) void oauth(request, response);
    else if (OURS.test(request.url ?? '/')) app.routing(request, response);
    else void oauth(request, response);
  };

  const purge = setInterval(() => records.purgeExpired(), PURGE_INTERVAL_MS);
  purge.unref();
  return {
    url,
    close: async () => {
      clearInterval(purge);
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await app.close();
      records.close();
    },
  };
}
