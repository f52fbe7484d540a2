import { asKeywardError } from '@keyward/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ending, type ConnectAnswer } from '../../connect/answer.js';
import type { Visitor } from '../../connect/completers.js';
import type { PersonSessions } from '../../people/person-sessions.js';
import type { BrowserCookie } from './browser-cookie.js';
import type { FailureLog } from './failure-log.js';
import { sendPage, sendSeeOther } from './page-reply.js';

/** Between browsers and what people connect with: who is there, and what they get. */
export class ConnectDoor {
  constructor(
    private readonly cookie: BrowserCookie,
    private readonly people: PersonSessions,
    private readonly failures: FailureLog,
  ) {}

  async answer(request: FastifyRequest, reply: FastifyReply, work: (visitor: Visitor) => Promise<ConnectAnswer>): Promise<void> {
    const visitor = { cookie: this.cookie.read(request), person: () => this.people.current(request.raw) };
    const answer = await work(visitor).catch((thrown: unknown): ConnectAnswer => {
      this.failures.log(asKeywardError(thrown), 'connecting failed');
      return ending('unavailable');
    });
    if (answer.kind === 'redirect') return sendSeeOther(reply, answer.url);
    if (answer.browser !== undefined) this.cookie.write(reply, answer.browser);
    sendPage(reply, answer.page);
  }
}
