import { createHash } from 'node:crypto';
import { authRequests, fromProblem, KeywardError, personReplySchema, type PersonRequest, type Problem } from '@keyward/contracts';
import { askAuthService } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';

/** How long an answer is good for: a page of events after the other must not ask each time, and an end must take effect soon. */
const KNOWN = { max: 1_000, ttl: 30_000 };

/** Members of an organization who may read its trail. Who they are is auth-service's to say; nothing of theirs is stored here. */
export class MemberAuditors {
  readonly #known = new LRUCache<string, string>(KNOWN);

  constructor(private readonly nats: NatsConnection) {}

  /** @returns the member's id. @throws KeywardError `unauthenticated`, `not_found`, `forbidden`, `dependency_unavailable` */
  async require(token: string, org: string): Promise<string> {
    const key = createHash('sha256').update(`${org} ${token}`).digest('base64url');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const request: PersonRequest = { token, org, role: 'auditor' };
    const reply = personReplySchema.safeParse(await askAuthService(this.nats, authRequests.authenticatePerson, request));
    if (!reply.success) throw new KeywardError('internal', 'The answer could not be read.', { cause: reply.error });
    if (reply.data.outcome === 'failed') throw fromProblem(reply.data.error as Problem);
    this.#known.set(key, reply.data.member);
    return reply.data.member;
  }
}
