import { createHash } from 'node:crypto';
import { checkClient } from './check-client.js';
import { checkHeaders, checkShape } from './check-request.js';
import type { Grants } from './grants.js';
import type { AnswerQuirks, Issued, Quirks, RequestQuirks, StepQuirks } from './quirks.js';
import { readParameters, type Received } from './read-parameters.js';
import { demand, Refusal } from './refusal.js';

const CLIENT = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];
const KNOWN = ['grant_type', 'code', 'redirect_uri', 'code_verifier', 'refresh_token', 'resource', ...CLIENT];

export interface Answer {
  status: number;
  body: unknown;
}

export interface TokenQuestion {
  received: Received;
  quirks: Quirks;
  grants: Grants;
}

/** RFC 6749 section 4.1.3. */
export async function redeemCode({ received, quirks, grants }: TokenQuestion): Promise<Answer> {
  const shape = quirks.token ?? {};
  const read = await readRequest(received, shape, quirks.resource);
  demand(
    shape.without?.includes('grant_type') === true || read.get('grant_type') === 'authorization_code',
    'this grant is not taken',
  );
  const authorization = grants.redeemCode(read.get('code'));
  demand(
    shape.without?.includes('redirect_uri') === true || read.get('redirect_uri') === authorization.redirectUri,
    'the redirect URI is another',
    'invalid_grant',
  );
  checkVerifier(read.get('code_verifier'), authorization.challenge, quirks);
  return answer(shape, grants.issue(authorization.scopes, 0));
}

/** RFC 6749 section 6. */
export async function redeemRefreshToken({ received, quirks, grants }: TokenQuestion): Promise<Answer> {
  const shape = quirks.refresh ?? quirks.token ?? {};
  const read = await readRequest(received, shape, quirks.resource);
  demand(shape.without?.includes('grant_type') === true || read.get('grant_type') === 'refresh_token', 'this grant is not taken');
  const { scopes, refreshToken } = grants.redeemRefreshToken(read.get('refresh_token'), quirks.refresh?.rotates ?? false);
  const stage = quirks.stepsAfterRefresh === true ? 0 : (quirks.steps?.length ?? 0);
  return answer(shape, grants.issue(scopes, stage, refreshToken));
}

/** @param stage of the token that it takes; it gives one of the next, or of the same where the token is only extended */
export async function takeStep(
  step: StepQuirks,
  stage: number,
  next: number,
  { received, grants }: TokenQuestion,
): Promise<Answer> {
  const parameters = readParameters(received, step);
  checkHeaders(received, parameters, step);
  const carried = step.token === 'bearer' ? [] : [step.token];
  const read = checkShape(parameters, [...carried, ...(step.authentication === undefined ? [] : CLIENT)], step);
  if (step.authentication !== undefined) await checkClient(received, read, step.authentication);
  const token = step.token === 'bearer' ? /^Bearer (.+)$/.exec(received.headers.authorization ?? '')?.[1] : read.get(step.token);
  const { scopes } = grants.live(token, stage);
  return answer(step, grants.issue(scopes, next));
}

/** A refusal in the words of this server. */
export function refusalAnswer({ failure }: AnswerQuirks, refusal: Refusal): Answer {
  if (failure !== undefined) return { status: 200, body: failure(refusal.error) };
  return {
    status: refusal.error === 'invalid_client' ? 401 : 400,
    body: { error: refusal.error, error_description: refusal.reason },
  };
}

async function readRequest(received: Received, shape: RequestQuirks, resource: string | undefined): Promise<Map<string, string>> {
  const parameters = readParameters(received, shape);
  checkHeaders(received, parameters, shape);
  const read = checkShape(parameters, KNOWN, shape);
  await checkClient(received, read, shape.authentication ?? 'basic');
  demand(read.get('resource') === resource, `resource must be ${resource ?? 'left out'}`);
  return read;
}

/** RFC 7636 section 4.6. A server that PKCE breaks refuses the parameter as such. */
function checkVerifier(
  verifier: string | undefined,
  challenge: string | undefined,
  { authorize: { pkce = 'S256' } = {} }: Quirks,
): void {
  if (pkce === 'refused') return demand(verifier === undefined, 'code_verifier is not known here');
  const expected =
    pkce === 'plain'
      ? verifier
      : createHash('sha256')
          .update(verifier ?? '')
          .digest('base64url');
  demand(verifier !== undefined && expected === challenge, 'the verifier does not fit', 'invalid_grant');
}

function answer({ status = 200, body = standardBody }: AnswerQuirks, issued: Issued): Answer {
  return { status, body: body(issued) };
}

function standardBody({ accessToken, refreshToken, scopes }: Issued): unknown {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: refreshToken,
    scope: scopes.join(' '),
  };
}
