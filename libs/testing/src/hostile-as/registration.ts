import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { html, json, NASTY_TEXT, redirect } from './answers.js';
import type { HostileBehaviour } from './behaviour.js';
import { HUGE } from './documents.js';

/** RFC 7591 section 3.2.1. */
export function answerRegistration(behaviour: HostileBehaviour, body: string, response: ServerResponse): void {
  const asked = JSON.parse(body) as Record<string, unknown>;
  const client = {
    ...asked,
    client_id: `client-${randomUUID()}`,
    client_secret: 'registered-secret',
    client_secret_expires_at: 0,
  };
  switch (behaviour.registration ?? 'honest') {
    case 'honest':
      return json(response, 201, client);
    case 'duplicate':
      return json(response, 201, { ...client, client_id: behaviour.clientId ?? 'somebody-elses-client' });
    case 'other_redirect_uri':
      return json(response, 201, { ...client, redirect_uris: ['https://evil.example/callback'] });
    case 'no_secret':
      return json(response, 201, { ...client, client_secret: undefined });
    case 'unknown_method':
      return json(response, 201, { ...client, token_endpoint_auth_method: 'tls_client_auth' });
    case 'control_characters':
      return json(response, 201, { ...client, client_id: NASTY_TEXT });
    case 'html':
      return html(response, 201);
    case 'huge':
      return json(response, 201, HUGE);
    case 'redirect':
      return redirect(response, 307, behaviour.redirectTo ?? '/elsewhere');
  }
}
