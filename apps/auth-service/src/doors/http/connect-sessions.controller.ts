import { Controller, Inject, Post, Req } from '@nestjs/common';
import { createConnectSessionSchema, idSchema, type ConnectSession } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { ConnectSessions } from '../../connect/connect-sessions.js';
import { notFound } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { organizationOf, parseBody } from './input.js';

const createSessionSchema = createConnectSessionSchema.extend({ organization: idSchema('org'), agent: idSchema('agt') });

@Controller('v1/connect-sessions')
export class ConnectSessionsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(ConnectSessions) private readonly sessions: ConnectSessions,
  ) {}

  @Post()
  async create(@Req() request: FastifyRequest): Promise<ConnectSession> {
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
}
