import { Controller, Delete, Get, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { createConnectSessionSchema, idSchema, parseOrThrow, userIdSchema, type ConnectSession } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ConnectSessions } from '../../connect/connect-sessions.js';
import { Connections } from '../../connections/connections.js';
import { Disconnect } from '../../connections/disconnect.js';
import { AdminAuthenticator } from '../../identity/admin.js';
import { notFound, possibleId } from '../../identity/not-found.js';
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
    @Inject(AdminAuthenticator) private readonly admins: AdminAuthenticator,
    @Inject(ConnectSessions) private readonly sessions: ConnectSessions,
    @Inject(Connections) private readonly connections: Connections,
    @Inject(Disconnect) private readonly disconnects: Disconnect,
  ) {}

  @Post('connect-sessions')
  createSession(@Req() request: FastifyRequest): Promise<ConnectSession> {
    const { id } = this.admins.authenticate(request.raw);
    // An unknown organization and an unknown agent are one answer: neither has such an agent.
    const { organization, ...session } = parseBody(
      createSessionSchema,
      request.body,
      { organization: 'org', agent: 'agt' },
      notFound('agt'),
    );
    return this.sessions.create({ ...session, org: organization, initiator: { kind: 'admin', id } });
  }

  @Get('connections')
  list(@Req() request: FastifyRequest, @Query() query: unknown) {
    this.admins.authenticate(request.raw);
    const organization = organizationOf(request);
    const { user, agent, cursor } = parseOrThrow(listQuerySchema, query, 'query');
    const filter = { ...(user === undefined ? {} : { user }), ...(agent === undefined ? {} : { agent }) };
    return this.connections.list(organization, filter, readCursor('conn', cursor));
  }

  @Get('connections/:id')
  get(@Req() request: FastifyRequest, @Param('id') id: string) {
    this.admins.authenticate(request.raw);
    return this.connections.get(organizationOf(request, notFound('conn')), possibleId('conn', id));
  }

  @Delete('connections/:id')
  disconnect(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = this.admins.authenticate(request.raw);
    return this.disconnects.disconnect(organizationOf(request, notFound('conn')), possibleId('conn', id), admin);
  }
}
