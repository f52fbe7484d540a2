import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { PUBLIC_ROUTE } from '@keyward/service-host';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ending } from '../../connect/answer.js';
import { DecideSession } from '../../connect/decide-session.js';
import { FinishAuthorization } from '../../connect/finish-authorization.js';
import { OpenSession } from '../../connect/open-session.js';
import { ConnectDoor } from './connect-door.js';
import { readConnectForm } from './connect-form.js';

/** The pages that people see. Every answer is a page or a redirect, whatever happens. */
@Controller()
export class ConnectController {
  constructor(
    @Inject(OpenSession) private readonly openSession: OpenSession,
    @Inject(DecideSession) private readonly decideSession: DecideSession,
    @Inject(FinishAuthorization) private readonly finishAuthorization: FinishAuthorization,
    @Inject(ConnectDoor) private readonly door: ConnectDoor,
    @Inject('PUBLIC_URL') private readonly publicUrl: string,
  ) {}

  @Get('connect/:token')
  @RouteConfig(PUBLIC_ROUTE)
  open(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('token') token: string): Promise<void> {
    // A look ahead is not a visit: it must not take the link away from the browser that will open it.
    if (isLookAhead(request)) return Promise.resolve(void reply.status(503).send());
    return this.door.answer(request, reply, (visitor) => this.openSession.open(token, visitor));
  }

  @Post('connect/:token')
  @RouteConfig(PUBLIC_ROUTE)
  decide(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('token') token: string): Promise<void> {
    return this.door.answer(request, reply, async (visitor) => {
      const form = readConnectForm(request.body);
      if (form === undefined || !isOwnForm(request, this.publicUrl)) return ending('form');
      const { csrf: formToken, decision, entered } = form;
      return this.decideSession.decide({ token, formToken, decision, entered }, visitor);
    });
  }

  @Get('oauth/callback/:context')
  @RouteConfig(PUBLIC_ROUTE)
  callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('context') context: string): Promise<void> {
    if (request.method === 'HEAD') return Promise.resolve(void reply.status(405).header('allow', 'GET').send());
    // Read from the URL itself: Fastify's parser would turn repeated parameters into arrays.
    const query = new URL(request.raw.url ?? '/', this.publicUrl).searchParams;
    return this.door.answer(request, reply, (visitor) => this.finishAuthorization.finish({ context, query }, visitor));
  }
}

function isLookAhead({ method, headers }: FastifyRequest): boolean {
  const purpose = `${String(headers['sec-purpose'])} ${String(headers['purpose'])} ${String(headers['x-moz'])}`;
  return method === 'HEAD' || purpose.includes('prefetch') || purpose.includes('preview');
}

/** What browsers state of where a form came from; what does not state it is held to the form token alone. */
function isOwnForm({ headers }: FastifyRequest, publicUrl: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  return headers.origin === undefined || headers.origin === publicUrl;
}
