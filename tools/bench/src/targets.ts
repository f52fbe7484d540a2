import { Pool } from 'undici';
import type { Call } from './load/loops.js';

/** The work of P1 and P2: a message of its own for each call, sent to the sandbox's echo endpoint. */
const UPSTREAM_PATH = '/api/echo';
const TOOL = 'sandbox_echo';

export interface Target {
  call: Call;
  close(): Promise<void>;
}

/** The upstream itself, called with the token that the broker holds. */
export function direct(sandboxUrl: string, token: string): Target {
  return post(sandboxUrl, UPSTREAM_PATH, { authorization: `Bearer ${token}` }, (message) => ({ message }));
}

/** Any proxy that sends the body on to the upstream as it is. */
export function proxied(proxyUrl: string): Target {
  return post(proxyUrl, '/', {}, (message) => ({ message }));
}

/** The whole house: HTTP door, bus, executor, vault, egress, audit. */
export function brokered(gatewayUrl: string, agentKey: string, user: string): Target {
  const headers = { authorization: `Bearer ${agentKey}` };
  return post(gatewayUrl, `/v1/tools/${TOOL}/execute`, headers, (message) => ({ arguments: { message }, user }));
}

/** The same, in turn for people who have a connection each. */
export function brokeredInTurn(gatewayUrl: string, agentKey: string, users: readonly string[]): Target {
  const headers = { authorization: `Bearer ${agentKey}` };
  const body = (message: string, sequence: number) => ({ arguments: { message }, user: users[sequence % users.length] });
  return post(gatewayUrl, `/v1/tools/${TOOL}/execute`, headers, body);
}

const EVERY_WRITE = 5;

/** Reads, and as every fifth call a write under a key of its own. */
export function soaked(gatewayUrl: string, agentKey: string, user: string): Target {
  const headers = { authorization: `Bearer ${agentKey}` };
  const read = brokered(gatewayUrl, agentKey, user);
  const write = post(gatewayUrl, '/v1/tools/sandbox_create_note/execute', headers, (message, sequence) => ({
    ...{ arguments: { title: message }, user },
    idempotencyKey: `soak-${sequence}`,
  }));
  return {
    call: (sequence) => (sequence % EVERY_WRITE === 0 ? write : read).call(sequence),
    close: async () => void (await Promise.all([read.close(), write.close()])),
  };
}

export const upstream = { path: UPSTREAM_PATH };

function post(
  origin: string,
  path: string,
  headers: Record<string, string>,
  body: (message: string, sequence: number) => unknown,
): Target {
  const pool = new Pool(origin, { connections: 256 });
  return {
    async call(sequence) {
      const message = `message ${sequence}`;
      const answer = await pool.request({
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body(message, sequence)),
      });
      const text = await answer.body.text();
      // A wrong answer that is fast must not count.
      if (answer.statusCode !== 200 || !text.includes(message))
        throw new Error(`answered ${answer.statusCode}: ${text.slice(0, 300)}`);
    },
    close: () => pool.close(),
  };
}
