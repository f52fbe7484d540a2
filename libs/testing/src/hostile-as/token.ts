import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { html, json, NASTY_TEXT, redirect } from './answers.js';
import type { HostileBehaviour } from './behaviour.js';
import { HUGE } from './documents.js';

/** Codes that were given out, each with its PKCE challenge. */
export type Codes = Map<string, string | null>;

export function answerTokenRequest(
  behaviour: HostileBehaviour,
  form: URLSearchParams,
  codes: Codes,
  response: ServerResponse,
): void {
  switch (behaviour.token ?? 'honest') {
    case 'redirect':
      return redirect(response, 307, behaviour.redirectTo ?? '/elsewhere');
    case 'html':
      return html(response);
    case 'huge':
      return json(response, 200, HUGE);
    case 'reflect':
      return json(response, 400, { error: [...form.values()].join(' '), error_description: form.toString() });
    case 'control_characters':
      return json(response, 400, { error: NASTY_TEXT, error_description: NASTY_TEXT, error_uri: 'javascript:alert(1)' });
    case 'broader_scopes':
      return json(response, 200, { ...tokens(), scope: 'notes:read notes:write admin' });
    case 'honest':
      return redeem(form, codes, response);
  }
}

/** RFC 6749 section 4.1.3, RFC 7636 section 4.6: once, and with the verifier. */
function redeem(form: URLSearchParams, codes: Codes, response: ServerResponse): void {
  if (form.get('grant_type') === 'refresh_token') return json(response, 200, tokens());
  const code = form.get('code') ?? '';
  const challenge = codes.get(code);
  codes.delete(code);
  const verified = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  if (challenge === undefined || (challenge !== null && challenge !== verified))
    return json(response, 400, { error: 'invalid_grant' });
  json(response, 200, tokens());
}

let issued = 0;

function tokens() {
  issued++;
  return {
    access_token: `at-${issued}`,
    token_type: 'Bearer',
    expires_in: 300,
    refresh_token: `rt-${issued}`,
    scope: 'notes:read',
  };
}
