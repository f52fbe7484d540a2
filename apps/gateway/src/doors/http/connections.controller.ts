import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { createConnectSessionSchema, parseOrThrow } from '@keyward/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { connectionQuerySchema, Connections } from '../../connections/connections.js';
import { ConnectSessions } from '../../connections/connect-sessions.js';
import { Authenticator } from '../../identity/authenticator.js';
import { sendJson } from './answer.js';

@Controller('v1')
export class ConnectionsController {
  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(Connections) private readonly connections: Connections,
    @Inject(ConnectSessions) private readonly sessions: ConnectSessions,
  ) {}

  @Get('connections')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { org, agent } = await this.authenticator.authenticate(request.raw);
    const query = parseOrThrow(connectionQuerySchema, request.query, 'query');
    sendJson(reply, 200, await this.connections.list({ org, agent }, query));
  }

  @Post('connect-sessions')
  async create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { org, agent } = await this.authenticator.authenticate(request.raw);
    const body = parseOrThrow(createConnectSessionSchema, request.body, 'body');
    sendJson(reply, 201, await this.sessions.create({ org, agent }, body));
  }
}
