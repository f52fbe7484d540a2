import { Controller, Get, Inject, Param, Post, Req } from '@nestjs/common';
import {
  createConnectSessionSchema,
  createWorkspaceSessionSchema,
  idSchema,
  type ConnectSession,
  type ConnectSessionStatus,
} from '@keyward/contracts';
import { bearerToken } from '@keyward/service-host';
import type { FastifyRequest } from 'fastify';
import { ConnectSessions } from '../../connect/connect-sessions.js';
import { AgentKeyAuthenticator } from '../../identity/agent-key-authenticator.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { organizationOf, parseBody } from './input.js';

const organization = idSchema('org');
export const agentSessionSchema = createConnectSessionSchema.extend({ organization, agent: idSchema('agt') });
export const workspaceSessionSchema = createWorkspaceSessionSchema.extend({ organization });

@Controller('v1/connect-sessions')
export class ConnectSessionsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(AgentKeyAuthenticator) private readonly holders: AgentKeyAuthenticator,
    @Inject(ConnectSessions) private readonly sessions: ConnectSessions,
  ) {}

  /** For one user and one agent; with `kind: workspace`, for the agents that are named. */
  @Post()
  async create(@Req() request: FastifyRequest): Promise<ConnectSession> {
    // An unknown organization and an unknown agent are one answer: neither has such an agent.
    const absent = notFound('agt');
    const { id } = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    const initiator = { kind: 'admin' as const, id };
    if (isForWorkspace(request.body)) {
      for (const agent of agentsOf(request.body)) possibleId('agt', agent, absent);
      const { organization: org, ...session } = parseBody(workspaceSessionSchema, request.body, { organization: 'org' }, absent);
      return this.sessions.createForWorkspace({ ...session, org, initiator });
    }
    const ids = { organization: 'org', agent: 'agt' } as const;
    const { organization: org, ...session } = parseBody(agentSessionSchema, request.body, ids, absent);
    return this.sessions.create({ ...session, org, initiator });
  }

  /** For people of the organization, and for the agent that made it with a key of its own. */
  @Get(':id')
  async status(@Req() request: FastifyRequest, @Param('id') id: string): Promise<ConnectSessionStatus> {
    const absent = notFound('cse');
    const token = bearerToken(request.raw);
    if (token?.startsWith('kwa_') === true) {
      const { org, agent } = await this.holders.authenticate(token);
      return this.sessions.status(org, possibleId('cse', id), { kind: 'agent', id: agent });
    }
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request, absent), absent);
    return this.sessions.status(organizationOf(request, absent), possibleId('cse', id));
  }
}

/** As far as they are texts; everything else about them is for the schema to refuse. */
function agentsOf(body: unknown): string[] {
  const agents: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'agents') : undefined;
  return Array.isArray(agents) ? agents.filter((agent) => typeof agent === 'string') : [];
}

function isForWorkspace(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Reflect.get(body, 'kind') === 'workspace';
}
