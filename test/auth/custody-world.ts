import { custodySubject, type Connection, type CustodyOperation } from '@keyward/contracts';
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import { Browser } from './browser.js';
import { AuthHarness, type Answer, type Tenant } from './harness.js';

export type Door = 'NATS' | 'HTTP';
export interface Answered {
  code: string;
  problem: string;
  answer: Record<string, unknown>;
}

/** Two agents of one organization and one of another, each with a connection, and a caller that has a key to seal tokens to. */
export class CustodyWorld {
  private constructor(
    readonly auth: AuthHarness,
    readonly ours: Tenant,
    readonly sibling: Tenant,
    readonly theirs: Tenant,
    /** Connections of `ours` and `theirs`. */
    readonly mine: string,
    readonly another: string,
    readonly recipient: { privateKey: CryptoKey; jwk: JWK },
  ) {}

  static async start(): Promise<CustodyWorld> {
    const auth = await AuthHarness.start();
    await auth.startRefresher();
    const [ours, theirs] = [await auth.tenant(), await auth.tenant()];
    const sibling = { ...ours, agent: await auth.agent(ours.org) };
    for (const tenant of [ours, sibling, theirs]) await new Browser().connect((await auth.session(tenant)).url);
    const [mine, another] = [await connectionOf(auth, ours), await connectionOf(auth, theirs)];
    const { privateKey, publicKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
    const recipient = { privateKey, jwk: await exportJWK(publicKey) };
    return new CustodyWorld(auth, ours, sibling, theirs, mine, another, recipient);
  }

  stop(): Promise<void> {
    return this.auth.stop();
  }

  connectionOf(tenant: Tenant): Promise<string> {
    return connectionOf(this.auth, tenant);
  }

  /** What nobody asked for is not in the answer: the trace differs, and nothing else may. */
  async ask(door: Door, operation: CustodyOperation, request: object): Promise<Answered> {
    if (door === 'NATS') {
      const message = await this.auth.nc.request(custodySubject(operation), JSON.stringify(request), { timeout: 20_000 });
      const reply = message.json<{ outcome: string; answer?: object; error?: Record<string, unknown> }>();
      const { traceId: _trace, ...error } = reply.error ?? {};
      return {
        code: reply.outcome === 'answered' ? 'answered' : String(error['code']),
        problem: JSON.stringify(error),
        answer: { ...error, ...reply.answer },
      };
    }
    const { status, body } = await this.auth.ask(`/v1/custody/${operation}`, { body: request });
    const { traceId: _trace, ...answer } = body;
    const code = status === 200 ? 'answered' : String(body['code']);
    return { code, problem: JSON.stringify(answer), answer };
  }

  tokenRequest({ org, agent }: Tenant, connection: string, more: object = {}): object {
    return { org, agent, connection, recipientKey: this.recipient.jwk, ...more };
  }

  release({ org, agent }: Tenant, how: 'PUT' | 'DELETE'): Promise<Answer> {
    return this.auth.ask(`/v1/agents/${agent}/token-releases/sandbox?organization=${org}`, { method: how });
  }
}

async function connectionOf(auth: AuthHarness, { org, agent }: Tenant): Promise<string> {
  const { body } = await auth.ask<{ connections: Connection[] }>(`/v1/connections?organization=${org}&agent=${agent}`);
  return body.connections[0]?.id ?? '';
}
