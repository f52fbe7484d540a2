import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { KeywardError } from '@keyward/contracts';
import { PUBLIC_ROUTE } from '@keyward/service-host';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DeliverCode } from '../../connect/delivered-code.js';
import { ClientMetadata } from '../../provider-apps/client-metadata.js';
import { rawBodyOf } from './raw-body.js';

/** Servers redeem and cache it: RFC 9111 section 5.2.2. Nothing in it is secret. */
const METADATA_CACHE = 'public, max-age=300';

/** What authorization servers ask of us, and tell us, without a browser. */
@Controller('oauth')
export class OAuthController {
  constructor(
    @Inject(DeliverCode) private readonly codes: DeliverCode,
    @Inject(ClientMetadata) private readonly clients: ClientMetadata,
  ) {}

  @Post('webhook/:context')
  @RouteConfig(PUBLIC_ROUTE)
  @HttpCode(204)
  async webhook(@Req() request: FastifyRequest, @Param('context') context: string): Promise<void> {
    const rawBody = rawBodyOf(request);
    if (rawBody === undefined) throw new KeywardError('invalid_request', 'A webhook has a JSON body.');
    await this.codes.deliver({ context, headers: request.headers, rawBody });
  }

  @Get('clients/:context')
  @RouteConfig(PUBLIC_ROUTE)
  async client(@Res({ passthrough: true }) reply: FastifyReply, @Param('context') context: string) {
    const document = await this.clients.document(context);
    void reply.header('cache-control', METADATA_CACHE);
    return document;
  }
}
