import { Controller, Delete, Get, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { createCliSessionSchema, parseOrThrow, type Me } from '@keyward/contracts';
import { bearerToken, PUBLIC_ROUTE } from '@keyward/service-host';
import type { FastifyRequest } from 'fastify';
import { unauthenticated } from '../../identity/bearer.js';
import { Principals } from '../../identity/principals.js';
import { Profiles } from '../../people/profiles.js';
import { SessionStore } from '../../people/session-store.js';
import { SignIn } from '../../people/sign-in.js';

/** Who asks, and the sign-in of a command line. */
@Controller('v1')
export class PeopleController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Profiles) private readonly profiles: Profiles,
    @Inject(SignIn) private readonly signIn: SignIn,
    @Inject(SessionStore) private readonly sessions: SessionStore,
  ) {}

  @Get('me')
  async me(@Req() request: FastifyRequest): Promise<Me> {
    const person = await this.principals.identify(request.raw);
    return person === 'operator' ? { kind: 'operator' } : this.profiles.of(person);
  }

  @Post('cli-sessions')
  @RouteConfig(PUBLIC_ROUTE)
  async redeem(@Req() request: FastifyRequest): Promise<{ token: string; expiresAt: string }> {
    const { code, verifier } = parseOrThrow(createCliSessionSchema, request.body, 'body');
    const { token, expiresAt } = await this.signIn.redeem(code, verifier);
    return { token, expiresAt: expiresAt.toISOString() };
  }

  /** Signs the command line out that asks. */
  @Delete('cli-sessions/current')
  @HttpCode(204)
  async revoke(@Req() request: FastifyRequest): Promise<void> {
    const token = bearerToken(request.raw);
    if (token === undefined || (await this.sessions.find('cli', token)) === undefined) throw unauthenticated();
    await this.sessions.revoke('cli', token);
  }
}
