import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { asKeywardError, KeywardError } from '@keyward/contracts';
import { PUBLIC_ROUTE } from '@keyward/service-host';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ending, type ConnectAnswer } from '../../connect/answer.js';
import { DecideSession } from '../../connect/decide-session.js';
import { FinishAuthorization } from '../../connect/finish-authorization.js';
import { OpenSession } from '../../connect/open-session.js';
import { contentSecurityPolicy, renderPage } from '../../pages/page.js';
import { BrowserCookie } from './browser-cookie.js';
import { FailureLog } from './failure-log.js';

const formSchema = z.strictObject({ csrf: z.string().max(100), decision: z.enum(['continue', 'cancel']) });

/** The pages that people see. Every answer is a page or a redirect, whatever happens. */
@Controller()
export class ConnectController {
  constructor(
    @Inject(OpenSession) private readonly openSession: OpenSession,
    @Inject(DecideSession) private readonly decideSession: DecideSession,
    @Inject(FinishAuthorization) private readonly finishAuthorization: FinishAuthorization,
    @Inject(BrowserCookie) private readonly cookie: BrowserCookie,
    @Inject(FailureLog) private readonly failures: FailureLog,
    @Inject('PUBLIC_URL') private readonly publicUrl: string,
  ) {}

  @Get('connect/:token')
  @RouteConfig(PUBLIC_ROUTE)
  open(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('token') token: string): Promise<void> {
    // A look ahead is not a visit: it must not take the link away from the browser that will open it.
    if (isLookAhead(request)) return Promise.resolve(void reply.status(503).send());
    return this.#answer(reply, () => this.openSession.open(token, this.cookie.read(request)));
  }

  @Post('connect/:token')
  @RouteConfig(PUBLIC_ROUTE)
  decide(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('token') token: string): Promise<void> {
    return this.#answer(reply, async () => {
      const form = formSchema.safeParse(request.body);
      if (!form.success || !isOwnForm(request, this.publicUrl)) return ending('form');
      const { csrf, decision } = form.data;
      return this.decideSession.decide({ token, formToken: csrf, decision, cookie: this.cookie.read(request) });
    });
  }

  @Get('oauth/callback/:context')
  @RouteConfig(PUBLIC_ROUTE)
  callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('context') context: string): Promise<void> {
    if (request.method === 'HEAD') return Promise.resolve(void reply.status(405).header('allow', 'GET').send());
    // Read from the URL itself: Fastify's parser would turn repeated parameters into arrays.
    const query = new URL(request.raw.url ?? '/', this.publicUrl).searchParams;
    return this.#answer(reply, () => this.finishAuthorization.finish({ context, query, cookie: this.cookie.read(request) }));
  }

  async #answer(reply: FastifyReply, work: () => Promise<ConnectAnswer>): Promise<void> {
    const answer = await work().catch((thrown: unknown) => this.#failed(asKeywardError(thrown)));
    if (answer.kind === 'redirect') {
      // 303: whatever the method was, the next one is GET, and no form goes to the provider (RFC 9700 section 4.12).
      void reply.status(303).header('location', answer.url).header('content-type', 'text/plain').send();
      return;
    }
    if (answer.browser !== undefined) this.cookie.write(reply, answer.browser);
    void reply
      .status(answer.page.status)
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', contentSecurityPolicy(answer.page))
      // Not `no-referrer`: with it, browsers hide the origin of our own form from us. Nothing is told to other sites either way.
      .header('referrer-policy', 'same-origin')
      .send(renderPage(answer.page));
  }

  #failed(error: KeywardError): ConnectAnswer {
    this.failures.log(error, 'connecting failed');
    return ending('unavailable');
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
