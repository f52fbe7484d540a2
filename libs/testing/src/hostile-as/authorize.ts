import type { ServerResponse } from 'node:http';
import { NASTY_TEXT, redirect } from './answers.js';
import type { AuthorizeAttack } from './behaviour.js';

/** The browser's way back to the client, or wherever the attack wants it to go. */
export function answerAuthorization(
  attack: AuthorizeAttack,
  request: URLSearchParams,
  server: { issuer: string; newCode: (challenge: string | null) => string },
  response: ServerResponse,
): void {
  const target = targetOf(attack, request);
  if (target === undefined) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end('no redirect_uri');
    return;
  }
  for (const [name, value] of parametersOf(attack, request, server)) target.searchParams.append(name, value);
  redirect(response, 302, target.href);
}

function targetOf(attack: AuthorizeAttack, request: URLSearchParams): URL | undefined {
  if (attack.kind === 'mix_up') return new URL(attack.authorizationEndpoint);
  const text = attack.kind === 'open_redirect' ? attack.to : request.get('redirect_uri');
  return text !== null && URL.canParse(text) ? new URL(text) : undefined;
}

function parametersOf(
  attack: AuthorizeAttack,
  request: URLSearchParams,
  { issuer, newCode }: { issuer: string; newCode: (challenge: string | null) => string },
): [string, string][] {
  const state: [string, string] = ['state', request.get('state') ?? ''];
  const iss: [string, string] = ['iss', issuer];
  const code = (): [string, string] => ['code', newCode(request.get('code_challenge'))];
  switch (attack.kind) {
    case 'mix_up':
      return mixUp(attack, request);
    case 'code_injection':
      return [['code', attack.code], state, iss];
    case 'wrong_issuer':
      return [code(), state, ['iss', attack.issuer]];
    case 'no_issuer':
      return [code(), state];
    case 'repeated': {
      const answer = [code(), state, iss];
      return [...answer, ...answer.filter(([name]) => name === attack.parameter)];
    }
    case 'code_and_error':
      return [code(), ['error', 'access_denied'], state, iss];
    case 'html_error':
      return [['error', NASTY_TEXT], ['error_description', NASTY_TEXT], ['error_uri', 'javascript:alert(1)'], state, iss];
    case 'honest':
    case 'open_redirect':
      return [code(), state, iss];
  }
}

/** Everything as the victim's browser brought it, but for whom it is meant. */
function mixUp(attack: Extract<AuthorizeAttack, { kind: 'mix_up' }>, request: URLSearchParams): [string, string][] {
  const forwarded = new Map(request);
  forwarded.set('client_id', attack.clientId);
  if (attack.redirectUri !== undefined) forwarded.set('redirect_uri', attack.redirectUri);
  return [...forwarded];
}
