import { createHash, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { TokenFamilies } from './token-families.js';

/**
 * A lean token endpoint, so that it is the refresher that is measured and not oidc-provider. It does what RFC 6749 section 6 asks for:
 * authenticates the client (HTTP Basic), redeems a refresh token in a transaction on disk, rotates, detects reuse, answers the errors of
 * section 5.2. It has one client, no other grant, no discovery, no TLS and no policy. `POST /issue` makes families to begin with.
 *
 * Arguments: SQLite file, client id, client secret, lifetime of access tokens in seconds.
 */
const [file, clientId, clientSecret, ttlSeconds] = process.argv.slice(2) as [string, string, string, string];
const families = new TokenFamilies(file, Number(ttlSeconds));
const digest = (text: string) => createHash('sha256').update(text).digest();
const expected = digest(`${clientId}:${clientSecret}`);
const counters = { tokenRequests: 0, refreshes: 0 };

interface Answer {
  status: number;
  body: object;
}

/** RFC 6749 section 2.3.1: both halves are form-encoded before they are joined. */
function authenticates(authorization = ''): boolean {
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(authorization) ?? [];
  // As a form's key, so that a broken encoding is a wrong secret and not an exception.
  const [[decoded] = ['']] = new URLSearchParams(Buffer.from(encoded, 'base64').toString('utf8'));
  return timingSafeEqual(digest(decoded), expected);
}

function token(authorization: string | undefined, form: URLSearchParams): Answer {
  counters.tokenRequests++;
  if (!authenticates(authorization)) return { status: 401, body: { error: 'invalid_client' } };
  if (form.get('grant_type') !== 'refresh_token') return { status: 400, body: { error: 'unsupported_grant_type' } };
  const tokens = families.redeem(form.get('refresh_token') ?? '');
  if (tokens === undefined) return { status: 400, body: { error: 'invalid_grant' } };
  counters.refreshes++;
  return { status: 200, body: { token_type: 'Bearer', ...tokens } };
}

function answer(request: http.IncomingMessage, body: string): Answer {
  const form = new URLSearchParams(body);
  if (request.method === 'GET' && request.url === '/counters') {
    return { status: 200, body: { ...counters, reuseDetections: families.reuseDetections } };
  }
  if (request.method === 'POST' && request.url === '/token') return token(request.headers.authorization, form);
  if (request.method === 'POST' && request.url === '/issue') {
    return { status: 201, body: { tokens: families.issue(Number(form.get('count')), form.get('scope') ?? '') } };
  }
  return { status: 404, body: { error: 'not_found' } };
}

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { status, body } = answer(request, Buffer.concat(chunks).toString('utf8'));
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body));
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
// Ends with the benchmark, however that ends.
process.stdin.on('close', () => process.exit(0)).resume();
