import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { cliSessionSchema, Me } from '@keyward/contracts';
import { ApiError, JsonClient } from '@keyward/sdk';
import type { z } from 'zod';
import { secretInput } from '../output/confirm.js';
import { Hint, Usage } from '../output/fail.js';
import { forgetLogin, storeLogin } from '../session/stored-login.js';
import { command } from './command.js';

type CliSession = z.infer<typeof cliSessionSchema>;

const PATIENCE_MS = 300_000;

export const login = command({
  command: 'login [address]',
  describe: 'Sign in, with the browser or with a token',
  builder: (args) =>
    args
      .positional('address', { type: 'string', describe: 'Address of auth-service, such as https://connect.example.com' })
      .option('token', {
        type: 'boolean',
        default: false,
        describe: 'Take the bootstrap token or another one from standard input',
      })
      .option('gateway', { type: 'string', describe: 'Address of the gateway, for keyward tools and keyward call' })
      .option('audit', { type: 'string', describe: 'Address of audit-service, for keyward audit and keyward usage' })
      .option('browser', {
        type: 'boolean',
        default: true,
        describe: 'Open the browser; --no-browser prints the address instead',
      }),
  handler: async (session, { address, token, gateway, audit, browser, org }) => {
    const authUrl = address ?? session.target.authUrl;
    if (authUrl === undefined) throw new Usage('Name the address of auth-service.');
    if (!URL.canParse(authUrl)) throw new Usage('The address must be a URL, such as https://connect.example.com');
    const origin = new URL(authUrl).origin;
    const secret = token ? await secretInput('Token: ') : (await signIn(origin, browser)).token;
    if (secret === '') throw new Usage('The token is empty.');
    await new JsonClient(origin, secret).get('/v1/me');
    const file = storeLogin({
      authUrl: origin,
      token: secret,
      ...(gateway === undefined ? {} : { gatewayUrl: new URL(gateway).origin }),
      ...(audit === undefined ? {} : { auditUrl: new URL(audit).origin }),
      ...(org === undefined ? {} : { org }),
    });
    session.out.answer({ authUrl: origin, file }, () =>
      session.out.say(`Signed in at ${origin}. Kept in ${file}, for you alone.`),
    );
  },
});

/** RFC 8252 section 7.3: the browser comes back to a port of ours on this machine, with a code that only we can use (RFC 7636). */
async function signIn(authUrl: string, browser: boolean): Promise<CliSession> {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const back = await waitForCode();
  const url = `${authUrl}/login?${new URLSearchParams({ cli: String(back.port), challenge })}`;
  process.stderr.write(`${browser ? 'Your browser opens' : 'Open'} ${url}\n`);
  if (browser) openBrowser(url);
  const code = await back.code;
  return new JsonClient(authUrl, '').post<CliSession>('/v1/cli-sessions', { code, verifier });
}

async function waitForCode(): Promise<{ port: number; code: Promise<string> }> {
  const arrived = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const code = url.searchParams.get('code');
    if (url.pathname !== '/callback' || code === null) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end('You are signed in. You can close this page and go back to the terminal.\n');
    arrived.resolve(code);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const timer = setTimeout(
    () => arrived.reject(new Hint('Nobody signed in for five minutes.', 'Try again: keyward login')),
    PATIENCE_MS,
  );
  const code = arrived.promise.finally(() => {
    clearTimeout(timer);
    server.close();
  });
  return { port: (server.address() as { port: number }).port, code };
}

function openBrowser(url: string): void {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  spawn(program, [url], { stdio: 'ignore', detached: true })
    .once('error', () => undefined)
    .unref();
}

export const logout = command({
  command: 'logout',
  describe: 'Sign out, here and at auth-service',
  builder: (args) => args,
  handler: async (session) => {
    if (session.target.source !== 'keyward login') {
      session.out.say('You are not signed in.');
      return;
    }
    // A token that has ended is no reason to keep it here.
    await session.admin.delete('/v1/cli-sessions/current').catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
    });
    forgetLogin();
    session.out.say('Signed out.');
  },
});

export const whoami = command({
  command: 'whoami',
  describe: 'Who you are here, and where that is from',
  builder: (args) => args,
  handler: async (session) => {
    const me = await session.admin.get<Me>('/v1/me');
    session.out.answer({ ...me, authUrl: session.target.authUrl, source: session.target.source }, () => {
      session.out.details({
        at: session.target.authUrl,
        as: me.kind === 'operator' ? 'the operator of this deployment' : (me.email ?? `${me.subject} of ${me.issuer}`),
        from: session.target.source,
        organization: session.target.org,
      });
      for (const { name, organization, role } of me.kind === 'person' ? me.memberships : [])
        session.out.say(`${role} of ${name} (${organization})`);
    });
  },
});
