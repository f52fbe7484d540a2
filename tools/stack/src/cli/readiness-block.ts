import { dirname, relative } from 'node:path';
import { JsonClient } from '@keyward/sdk';
import type { StackInfo } from '../stack-info.js';
import type { Stack } from '../stack.js';

/** One link for a person, good for an hour: it connects their account at the sandbox for the seeded agent. */
async function connectLink({ info }: Pick<Stack, 'info'>): Promise<string> {
  const agent = new JsonClient(info.gatewayUrl, info.agentKey);
  const { url } = await agent.post<{ url: string }>('/v1/connect-sessions', { user: info.user, provider: 'sandbox' });
  return url;
}

function emulatedBlock({ emulated, sandbox }: StackInfo): string {
  if (emulated.length === 0) return '';
  return `
3. The sandbox stands for ${emulated.join(', ')}, too: nothing reaches the vendors. Their APIs are at ${sandbox.url}/vendors/<name>; their
   tools are the agent’s (GET /v1/tools lists them). Called before they are connected they answer with the link for that.
`;
}

/** Everything for a first call, ready to be pasted. */
export async function readinessBlock(stack: Stack, tookMs: number): Promise<string> {
  const { info, paths } = stack;
  const link = await connectLink(stack);
  const body = JSON.stringify({ user: info.user, arguments: { title: 'Hello', body: 'from an agent' } });
  const here = (path: string): string => relative(process.env['INIT_CWD'] ?? process.cwd(), path) || '.';
  return `
Keyward is ready (${(tookMs / 1000).toFixed(1)} s).

  gateway        ${info.gatewayUrl}   agents call tools here
  auth-service   ${info.authUrl}   people connect their accounts here
  audit-service  ${info.auditUrl}   what happened
  sandbox        ${info.sandbox.url}   a provider to try it on
  NATS           ${info.natsUrl}   agents call tools here, too

1. Connect an account: open this link, sign in as ${info.sandbox.user} with password ${info.sandbox.password}, and allow.

   ${link}

2. Call a tool, with that account and without its token:

   curl -sS ${info.gatewayUrl}/v1/tools/sandbox_create_note/execute \\
     -H 'authorization: Bearer ${info.agentKey}' \\
     -H 'content-type: application/json' \\
     -d '${body}'
${emulatedBlock(info)}
The whole story, step by step: npm run demo
Logs: ${here(paths.logs)}/*.log    URLs, keys and ids for programs: ${here(paths.stackFile)}
The link is good for an hour and for one use; the next start prints another, and so does the demo.
Ctrl-C stops everything. Data stay in ${here(dirname(paths.stackFile))}.
`;
}
