import { Controller, Delete, Get, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { createConnectSessionSchema, idSchema, parseOrThrow, userIdSchema, type ConnectSession } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ConnectSessions } from '../../connect/connect-sessions.js';
import { Connections } from '../../connections/connections.js';
import { Disconnect } from '../../connections/disconnect.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { readCursor } from '../../records/page.js';
import { organizationOf, parseBody } from './input.js';

const listQuerySchema = z.strictObject({
  organization: z.string(),
  user: userIdSchema.optional(),
  agent: z.string().optional(),
  cursor: z.string().optional(),
});
const createSessionSchema = createConnectSessionSchema.extend({ organization: idSchema('org'), agent: idSchema('agt') });

@Controller('v1')
export class ConnectionsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(ConnectSessions) private readonly sessions: ConnectSessions,
    @Inject(Connections) private readonly connections: Connections,
    @Inject(Disconnect) private readonly disconnects: Disconnect,
  ) {}

  @Post('connect-sessions')
  async createSession(@Req() request: FastifyRequest): Promise<ConnectSession> {
    const absent = notFound('agt');
    const { id } = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    // An unknown organization and an unknown agent are one answer: neither has such an agent.
    const { organization, ...session } = parseBody(
      createSessionSchema,
      request.body,
      { organization: 'org', agent: 'agt' },
      absent,
    );
    return this.sessions.create({ ...session, org: organization, initiator: { kind: 'admin', id } });
  }

  @Get('connections')
  async list(@Req() request: FastifyRequest, @Query() query: unknown) {
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request));
    const organization = organizationOf(request);
    const { user, agent, cursor } = parseOrThrow(listQuerySchema, query, 'query');
    const filter = { ...(user === undefined ? {} : { user }), ...(agent === undefined ? {} : { agent }) };
    return this.connections.list(organization, filter, readCursor('conn', cursor));
  }

  @Get('connections/:id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    const absent = notFound('conn');
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request, absent), absent);
    return this.connections.get(organizationOf(request, absent), possibleId('conn', id));
  }

  @Delete('connections/:id')
  async disconnect(@Req() request: FastifyRequest, @Param('id') id: string) {
    const absent = notFound('conn');
    const admin = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    return this.disconnects.disconnect(organizationOf(request, absent), possibleId('conn', id), admin);
  }
}
