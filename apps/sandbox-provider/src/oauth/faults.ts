import { setTimeout as sleep } from 'node:timers/promises';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';

const endpoint = z.enum(['token', 'revocation']).default('token');
const count = z.int().min(1).max(1_000_000).default(1);

/** What shall go wrong with the next `count` requests at an endpoint. */
export const faultSchema = z.discriminatedUnion('kind', [
  /** Refused before anything is looked at: the token presented stays unused. */
  z.strictObject({
    kind: z.literal('fail'),
    endpoint,
    count,
    status: z.int().min(400).max(599).default(503),
    /** OAuth error code for the body (RFC 6749 section 5.2). */
    error: z.string().max(100).optional(),
    retryAfterSeconds: z.int().min(0).max(86_400).optional(),
    /** Before the refusal is sent. */
    ms: z.int().min(0).max(120_000).default(0),
  }),
  /** Processed; the answer is held back. */
  z.strictObject({ kind: z.literal('delay'), endpoint, count, ms: z.int().min(1).max(120_000) }),
  /** Processed; the answer is lost with the connection. */
  z.strictObject({ kind: z.literal('drop'), endpoint, count }),
  /** Processed; answered 200 with this body instead. */
  z.strictObject({ kind: z.literal('garble'), endpoint, count, body: z.string().max(1_000_000).default('{"access_token":') }),
  /** Processed; these members are overwritten in the answer, or left out where the value is null. */
  z.strictObject({ kind: z.literal('alter'), endpoint, count, members: z.record(z.string(), z.unknown()) }),
]);
export type Fault = z.infer<typeof faultSchema>;
type Endpoint = Fault['endpoint'];

/** Faults that tests have ordered, first ordered first served. */
export class Faults {
  readonly #queue: Fault[] = [];

  order(fault: Fault): void {
    this.#queue.push({ ...fault });
  }

  clear(): void {
    this.#queue.length = 0;
  }

  pending(): readonly Fault[] {
    return this.#queue;
  }

  /** Serves one request of an endpoint, with the next fault in line for it, if any. */
  async serve(ctx: KoaContextWithOIDC, at: Endpoint, next: () => Promise<unknown>): Promise<void> {
    const fault = this.#take(at);
    if (fault?.kind === 'fail') {
      await sleep(fault.ms);
      refuse(ctx, fault);
      return;
    }
    await next();
    if (fault?.kind === 'delay') await sleep(fault.ms);
    if (fault?.kind === 'drop') {
      ctx.respond = false;
      ctx.req.socket.destroy();
    }
    if (fault?.kind === 'garble') {
      ctx.status = 200;
      ctx.type = 'json';
      ctx.body = fault.body;
    }
    if (fault?.kind === 'alter') ctx.body = alter(ctx.body, fault.members);
  }

  #take(at: Endpoint): Fault | undefined {
    const index = this.#queue.findIndex((fault) => fault.endpoint === at);
    const fault = this.#queue[index];
    if (fault === undefined) return undefined;
    fault.count--;
    if (fault.count === 0) this.#queue.splice(index, 1);
    return fault;
  }
}

function refuse(ctx: KoaContextWithOIDC, fault: Extract<Fault, { kind: 'fail' }>): void {
  ctx.status = fault.status;
  if (fault.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(fault.retryAfterSeconds));
  ctx.body = fault.error === undefined ? 'Unavailable, as ordered.' : { error: fault.error, error_description: 'as ordered' };
}

function alter(body: unknown, members: Record<string, unknown>): unknown {
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(Object.entries({ ...body, ...members }).filter(([, value]) => value !== null));
}
