import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Hint } from '../output/fail.js';
import { readLogin } from './stored-login.js';

/** Whom to talk to, as whom. */
export interface Target {
  authUrl: string | undefined;
  token: string | undefined;
  org: string | undefined;
  gatewayUrl: string | undefined;
  auditUrl: string | undefined;
  /** What the audit-service is shown. */
  auditToken: string | undefined;
  agentKey: string | undefined;
  /** Where it is from, for people. */
  source: string;
}

/** What of `.keyward/stack.json` is used here. */
const stackSchema = z.object({
  authUrl: z.string(),
  gatewayUrl: z.string(),
  auditUrl: z.string(),
  admin: z.object({ token: z.string() }),
  org: z.string(),
  agentKey: z.string(),
});

const CLONE = fileURLToPath(new URL('../../../../', import.meta.url));

function runningStack(): Target | undefined {
  const home = process.env['KEYWARD_HOME'];
  const base = process.env['INIT_CWD'] ?? process.cwd();
  const dir = home === undefined || home === '' ? join(CLONE, '.keyward') : resolve(base, home);
  try {
    const { authUrl, gatewayUrl, auditUrl, admin, org, agentKey } = stackSchema.parse(
      JSON.parse(readFileSync(join(dir, 'stack.json'), 'utf8')),
    );
    const { token } = admin;
    return { authUrl, gatewayUrl, auditUrl, token, auditToken: token, org, agentKey, source: `the stack in ${dir}` };
  } catch {
    return undefined;
  }
}

function stored(): Target | undefined {
  const login = readLogin();
  if (login === undefined) return undefined;
  const { authUrl, gatewayUrl, auditUrl, token, org } = login;
  return { authUrl, gatewayUrl, auditUrl, token, auditToken: token, org, agentKey: undefined, source: 'keyward login' };
}

const env = (name: string): string | undefined => {
  const value = process.env[name];
  return value === undefined || value === '' ? undefined : value;
};

/** A stored login or a running stack fills in what was not said; a token is sent only to the address it belongs to. */
export function findTarget(flags: { url?: string | undefined; org?: string | undefined }): Target {
  const authUrl = flags.url ?? env('KEYWARD_URL');
  const said = {
    authUrl,
    token: env('KEYWARD_TOKEN'),
    org: flags.org ?? env('KEYWARD_ORG'),
    gatewayUrl: env('KEYWARD_GATEWAY_URL'),
    auditUrl: env('KEYWARD_AUDIT_URL'),
    agentKey: env('KEYWARD_AGENT_KEY'),
  };
  const known = stored() ?? runningStack();
  if (known === undefined) return { ...said, auditToken: said.token, source: 'the environment' };
  const foreign = authUrl !== undefined && authUrl !== known.authUrl;
  const token = said.token ?? (foreign ? undefined : known.token);
  const foreignAudit = said.auditUrl !== undefined && said.auditUrl !== known.auditUrl;
  return {
    authUrl: authUrl ?? known.authUrl,
    token,
    org: said.org ?? (foreign ? undefined : known.org),
    gatewayUrl: said.gatewayUrl ?? (foreign ? undefined : known.gatewayUrl),
    auditUrl: said.auditUrl ?? (foreign ? undefined : known.auditUrl),
    auditToken: foreignAudit ? said.token : token,
    agentKey: said.agentKey ?? (foreign || said.gatewayUrl !== undefined ? undefined : known.agentKey),
    source: foreign ? 'the environment' : known.source,
  };
}

/** @throws Hint that says what is missing and what to do about it */
export function required<T>(value: T | undefined, missing: string, next: string): T {
  if (value === undefined) throw new Hint(missing, next);
  return value;
}
