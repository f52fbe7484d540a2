import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { asKeywardError } from '@keyward/contracts';
import { PUBLIC_ROUTE } from '@keyward/service-host';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { signedInPage, signInEnding, type SignInEnding } from '../../pages/sign-in-pages.js';
import { PersonSessions } from '../../people/person-sessions.js';
import { Profiles } from '../../people/profiles.js';
import { purposeOf } from '../../people/purpose.js';
import { SessionCookie } from '../../people/session-cookie.js';
import { SessionStore, type Person } from '../../people/session-store.js';
import { SignIn, type Purpose } from '../../people/sign-in.js';
import { SignInCookie } from '../../people/sign-in-cookie.js';
import { FailureLog } from './failure-log.js';
import { sendPage, sendSeeOther } from './page-reply.js';

const ENDINGS: Partial<Record<string, SignInEnding>> = {
  not_found: 'not_set_up',
  forbidden: 'denied',
  invalid_request: 'invalid',
};

/** Where people sign in with the deployment's identity provider. Every answer is a page or a redirect, whatever happens. */
@Controller()
export class LoginController {
  constructor(
    @Inject(SignIn) private readonly signIn: SignIn,
    @Inject(SignInCookie) private readonly pending: SignInCookie,
    @Inject(SessionCookie) private readonly cookie: SessionCookie,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(PersonSessions) private readonly people: PersonSessions,
    @Inject(Profiles) private readonly profiles: Profiles,
    @Inject(FailureLog) private readonly failures: FailureLog,
    @Inject('PUBLIC_URL') private readonly publicUrl: string,
  ) {}

  /** `?return=<own path>`, or `?cli=<loopback port>&challenge=<S256>` of a waiting command line, or neither. */
  @Get('login')
  @RouteConfig(PUBLIC_ROUTE)
  open(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#guarded(reply, async () => {
      const purpose = purposeOf(queryOf(request, this.publicUrl), this.publicUrl);
      if (purpose === undefined) return sendPage(reply, signInEnding('bad_link'));
      const person = await this.people.current(request.raw);
      if (person !== undefined) return this.#arrive(reply, person, purpose);
      const { url, pending } = await this.signIn.begin(purpose);
      await this.pending.write(reply, pending);
      sendSeeOther(reply, url);
    });
  }

  @Get('login/callback')
  @RouteConfig(PUBLIC_ROUTE)
  callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#guarded(reply, async () => {
      const pending = await this.pending.read(request.raw);
      if (pending === undefined) return sendPage(reply, signInEnding('invalid'));
      // One answer per sign-in: whatever comes of it, this one is over.
      this.pending.clear(reply);
      const { person, token, expiresAt } = await this.signIn.finish(queryOf(request, this.publicUrl), pending);
      await this.#forget(request);
      this.cookie.write(reply, token, expiresAt);
      await this.#arrive(reply, person, pending);
    });
  }

  @Post('logout')
  @RouteConfig(PUBLIC_ROUTE)
  close(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#guarded(reply, async () => {
      if (!this.cookie.isSameOrigin(request.raw)) return sendPage(reply, signInEnding('form'));
      await this.#forget(request);
      this.cookie.clear(reply);
      sendPage(reply, signInEnding('signed_out'));
    });
  }

  async #arrive(reply: FastifyReply, person: Person, { returnTo, cli }: Purpose): Promise<void> {
    if (cli !== undefined) return sendSeeOther(reply, await this.signIn.handOver(person, cli));
    if (returnTo !== undefined) return sendSeeOther(reply, returnTo);
    const { memberships } = await this.profiles.of(person);
    const name = person.email ?? person.preferredUsername ?? person.subject;
    sendPage(reply, signedInPage({ name, organizations: memberships }));
  }

  /** The session that this browser had is over, here and wherever else its secret may be. */
  async #forget(request: FastifyRequest): Promise<void> {
    const secret = this.cookie.read(request.raw);
    if (secret !== undefined) await this.sessions.revoke('browser', secret);
  }

  async #guarded(reply: FastifyReply, work: () => Promise<void>): Promise<void> {
    await work().catch((thrown: unknown) => {
      const error = asKeywardError(thrown);
      this.failures.log(error, 'a sign-in failed');
      sendPage(reply, signInEnding(ENDINGS[error.code] ?? 'unavailable'));
    });
  }
}

/** From the URL itself: Fastify's parser would turn repeated parameters into arrays. */
function queryOf(request: FastifyRequest, publicUrl: string): URLSearchParams {
  return new URL(request.raw.url ?? '/', publicUrl).searchParams;
}
