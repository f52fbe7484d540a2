import { checkClient } from './check-client.js';
import { checkShape } from './check-request.js';
import { readParameters } from './read-parameters.js';
import type { Answer, TokenQuestion } from './token-endpoint.js';

/** RFC 7662 section 2. Unlike most, it looks for no other kind of token than the hint says. */
export async function introspect({ received, quirks, grants }: TokenQuestion): Promise<Answer> {
  const read = checkShape(readParameters(received, {}), ['token', 'token_type_hint', 'client_id', 'client_secret'], {});
  await checkClient(received, read, quirks.token?.authentication ?? 'basic');
  const token = read.get('token') ?? '';
  const active =
    read.get('token_type_hint') === 'refresh_token' ? grants.canRefresh(token) : grants.accepts(token, quirks.steps?.length ?? 0);
  if (!active) return { status: 200, body: { active } };
  const exp = Math.floor(Date.now() / 1000) + (quirks.introspection?.secondsLeft ?? 0);
  return { status: 200, body: { active, exp } };
}
