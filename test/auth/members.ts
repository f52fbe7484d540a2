import { createHash, randomBytes } from 'node:crypto';
import type { MemberRole } from '@keyward/contracts';
import { Browser } from './browser.js';
import type { AuthHarness } from './harness.js';
import type { OidcServer } from './oidc-server.js';

const PORT = 49_152;

/** Invites somebody new, signs them in, and answers the token of their command line. */
export async function joinAs(auth: AuthHarness, oidc: OidcServer, org: string, role: MemberRole): Promise<string> {
  const name = `p${randomBytes(6).toString('hex')}`;
  const email = `${name}@example.com`;
  const { status } = await auth.ask('/v1/members', { body: { organization: org, email, role } });
  if (status !== 201) throw new Error(`inviting answered ${status}`);
  oidc.person = { sub: name, email, email_verified: true };
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const browser = new Browser();
  browser.stopAt = `http://127.0.0.1:${PORT}/`;
  await browser.open(`${auth.url}/login?cli=${PORT}&challenge=${challenge}`);
  const code = new URL(browser.trail.at(-1) ?? '').searchParams.get('code');
  const { body } = await auth.ask<{ token: string }>('/v1/cli-sessions', { body: { code, verifier }, token: '' });
  return body.token;
}
