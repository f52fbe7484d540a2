import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { renderCodePage, renderConnectedPage, renderDevicePage } from '../pages/device-pages.js';
import { PAGE_HEADERS } from '../pages/layout.js';
import { API_SCOPES } from './scopes.js';

/** What the MCP server is known by: its tokens are good there and nowhere else (RFC 8707). */
export function mcpResource(issuer: string): string {
  return `${issuer}/mcp`;
}

export function features(issuer: string): Configuration['features'] {
  return {
    clientCredentials: { enabled: true },
    clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: (ctx, form, _out, error) => page(ctx, renderCodePage(form, error === undefined ? undefined : PROBLEM)),
      userCodeConfirmSource: (ctx, form, client, _device, code) =>
        page(ctx, renderDevicePage(form, client.clientName ?? client.clientId, code)),
      successSource: (ctx) => page(ctx, renderConnectedPage()),
    },
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    introspection: { enabled: true, allowedPolicy: ownTokens },
    pushedAuthorizationRequests: { enabled: false },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // Without a resource in the request, a token is for the notes API, as it always was.
      defaultResource: (_ctx, _client, oneOf) => oneOf?.[0],
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        if (resource !== mcpResource(issuer)) throw new errors.InvalidTarget('unknown resource');
        return { scope: Object.keys(API_SCOPES).join(' '), accessTokenFormat: 'opaque' };
      },
    },
    revocation: { enabled: true, allowedPolicy: ownTokens },
    rpInitiatedLogout: { enabled: false },
  };
}

const PROBLEM = 'That code is not known, or no longer. Ask the application for a new one.';

function page(ctx: KoaContextWithOIDC, html: string): void {
  for (const [name, value] of Object.entries(PAGE_HEADERS)) ctx.set(name, value);
  ctx.type = 'html';
  ctx.body = html;
}

/** RFC 7009 section 2.1: a client may end, and here look into, only what was issued to it. */
function ownTokens(_ctx: KoaContextWithOIDC, client: { clientId: string }, token: { clientId?: string | undefined }): boolean {
  return token.clientId === client.clientId;
}
