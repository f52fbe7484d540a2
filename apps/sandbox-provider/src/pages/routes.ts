import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors, type InteractionResults, type Provider } from 'oidc-provider';
import { z } from 'zod';
import { displayName, type Accounts } from '../oauth/accounts.js';
import { VENDOR } from '../oauth/provider.js';
import type { Vendors } from '../vendors/vendors.js';
import { renderConsentPage } from './consent-page.js';
import { renderErrorPage } from './error-page.js';
import { renderHomePage } from './home-page.js';
import { PAGE_HEADERS } from './layout.js';
import { renderLoginPage } from './login-page.js';

const loginForm = z.object({ login: z.string().max(200), password: z.string().max(1000) });
const consentForm = z.object({
  decision: z.enum(['allow', 'deny', 'switch']),
  scope: z.union([z.string(), z.array(z.string())]).default([]),
});

/**
 * The pages between the authorization request and the redirect back. The interaction cookie is bound to this path and SameSite=Lax,
 * so another site can post neither form in the person's name.
 */
export function registerPages(app: FastifyInstance, provider: Provider, accounts: Accounts, vendors: Vendors): void {
  const vendorScopesOf = ({ vendor }: LoadedInteraction) => vendors.get(vendor)?.scopes ?? {};

  app.get('/', async (_request, reply) => html(reply, 200, renderHomePage(accounts.names)));

  app.get('/interaction/:uid', async (request, reply) => {
    const interaction = await load(provider, request, reply);
    const vendorScopes = vendorScopesOf(interaction);
    return html(
      reply,
      200,
      interaction.prompt === 'login' ? renderLoginPage(interaction) : renderConsentPage({ ...interaction, vendorScopes }),
    );
  });

  app.post('/interaction/:uid/login', async (request, reply) => {
    const interaction = await load(provider, request, reply, 'login');
    const form = loginForm.safeParse(request.body);
    if (!form.success || !accounts.authenticate(form.data.login, form.data.password)) {
      return html(reply, 401, renderLoginPage({ ...interaction, login: form.data?.login ?? '', failed: true }));
    }
    return finish(provider, request, reply, { login: { accountId: form.data.login } });
  });

  app.post('/interaction/:uid/consent', async (request, reply) => {
    const interaction = await load(provider, request, reply, 'consent');
    const vendorScopes = vendorScopesOf(interaction);
    const form = consentForm.safeParse(request.body);
    if (!form.success) return html(reply, 400, renderConsentPage({ ...interaction, vendorScopes }));
    if (form.data.decision === 'switch') return switchAccount(provider, reply, interaction.params);
    if (form.data.decision === 'deny') return finish(provider, request, reply, { error: 'access_denied' });

    const chosen = interaction.scopes.filter((scope) => [form.data.scope].flat().includes(scope));
    if (chosen.length === 0) return html(reply, 400, renderConsentPage({ ...interaction, vendorScopes, nothingChosen: true }));
    const grant = new provider.Grant({ accountId: interaction.accountId, clientId: interaction.clientId });
    grant.addOIDCScope(chosen);
    grant.rejectOIDCScope(interaction.scopes.filter((scope) => !chosen.includes(scope)));
    for (const resource of interaction.resources) grant.addResourceScope(resource, chosen.join(' '));
    return finish(provider, request, reply, { consent: { grantId: await grant.save() } });
  });

  app.setErrorHandler((error, request, reply) => {
    if (error instanceof errors.SessionNotFound) {
      return html(reply, 400, renderErrorPage('expired', 'This sign-in has ended or belongs to another browser.'));
    }
    const { statusCode = 500, message } = error as { statusCode?: number; message: string };
    if (statusCode >= 500)
      process.stderr.write(`${JSON.stringify({ level: 'error', url: request.routeOptions.url, message })}\n`);
    return html(reply, statusCode, renderErrorPage(statusCode >= 500 ? 'server_error' : 'invalid_request', undefined));
  });
}

interface LoadedInteraction {
  prompt: string;
  action: string;
  client: string;
  clientId: string;
  /** Undefined for a client of the notes. */
  vendor: unknown;
  accountId: string;
  user: string;
  scopes: string[];
  /** RFC 8707: what the grant is for, besides the notes API. */
  resources: string[];
  params: Record<string, unknown>;
}

async function load(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  expected?: 'login' | 'consent',
): Promise<LoadedInteraction> {
  const interaction = await provider.interactionDetails(request.raw, reply.raw);
  const { uid, prompt, params, session } = interaction;
  if (uid !== (request.params as { uid: string }).uid || (expected !== undefined && prompt.name !== expected)) {
    throw new errors.SessionNotFound('another interaction');
  }
  const clientId = String(params['client_id']);
  const client = await provider.Client.find(clientId);
  const missing = prompt.details['missingOIDCScope'];
  const asked = Array.isArray(missing) ? missing.map(String) : String(params['scope'] ?? '').split(' ');
  return {
    prompt: prompt.name,
    action: `/interaction/${uid}/${prompt.name}`,
    client: client?.clientName ?? clientId,
    clientId,
    vendor: client?.[VENDOR],
    accountId: session?.accountId ?? '',
    user: displayName(session?.accountId ?? ''),
    scopes: asked.filter((scope) => scope !== ''),
    resources: Object.keys(prompt.details['missingResourceScopes'] ?? {}),
    params,
  };
}

async function finish(provider: Provider, request: FastifyRequest, reply: FastifyReply, result: InteractionResults) {
  const fresh = { mergeWithLastSubmission: false };
  return reply.redirect(await provider.interactionResult(request.raw, reply.raw, result, fresh), 303);
}

/** Starts the same authorization request again in a session of its own. */
function switchAccount(provider: Provider, reply: FastifyReply, params: Record<string, unknown>) {
  const query = new URLSearchParams(Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]));
  const forget = `${provider.cookieName('session')}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`;
  return reply.header('Set-Cookie', forget).redirect(`/auth?${query.toString()}`, 303);
}

function html(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply.code(status).headers(PAGE_HEADERS).type('text/html; charset=utf-8').send(page);
}
