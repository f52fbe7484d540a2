import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import {
  connectionKinds,
  connectionStatuses,
  createConnectionSchema,
  idSchema,
  parseOrThrow,
  replaceConnectionAgentsSchema,
  revokeConnectionsSchema,
  slugSchema,
  userIdSchema,
} from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Connections } from '../../connections/connections.js';
import { ConnectWithoutBrowser } from '../../connections/create-connection.js';
import { Disconnect } from '../../connections/disconnect.js';
import { Grantees } from '../../connections/grantees.js';
import { RevokeConnections } from '../../connections/revoke-connections.js';
import { TestConnection } from '../../connections/test-connection.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { readCursor } from '../../records/page.js';
import { organizationOf, parseBody } from './input.js';

const NOBODY = `agt_${'0'.repeat(32)}`;

export const connectionQuerySchema = z.strictObject({
  organization: z.string(),
  user: userIdSchema.optional(),
  // What can be no id matches as little as an id that nobody has.
  agent: z
    .string()
    .transform((id) => (idSchema('agt').safeParse(id).success ? id : NOBODY))
    .optional(),
  provider: slugSchema.optional(),
  status: z.enum(connectionStatuses).optional(),
  kind: z.enum(connectionKinds).optional(),
  cursor: z.string().optional(),
});

@Controller('v1/connections')
export class ConnectionsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Connections) private readonly connections: Connections,
    @Inject(ConnectWithoutBrowser) private readonly connectors: ConnectWithoutBrowser,
    @Inject(Disconnect) private readonly disconnects: Disconnect,
    @Inject(RevokeConnections) private readonly revocation: RevokeConnections,
    @Inject(Grantees) private readonly grantees: Grantees,
    @Inject(TestConnection) private readonly tests: TestConnection,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Query() query: unknown) {
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request));
    const { organization: _organization, cursor, ...filter } = parseOrThrow(connectionQuerySchema, query, 'query');
    return this.connections.list(organizationOf(request), filter, readCursor('conn', cursor));
  }

  /** Without a browser at the provider: API keys, service accounts and their like. */
  @Post()
  async create(@Req() request: FastifyRequest, @Body() body: unknown) {
    // An unknown organization and an unknown agent are one answer: neither has such an agent.
    const absent = notFound('agt');
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    possibleAgents(body);
    return this.connectors.connect(parseBody(createConnectionSchema, body, { organization: 'org', agent: 'agt' }, absent), actor);
  }

  @Post('revoke')
  @HttpCode(200)
  async revoke(@Req() request: FastifyRequest, @Body() body: unknown) {
    const absent = notFound(typeof body === 'object' && body !== null && 'agent' in body ? 'agt' : 'org');
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    const ids = { organization: 'org', agent: 'agt' } as const;
    const { organization: org, user, agent, provider } = parseBody(revokeConnectionsSchema, body, ids, absent);
    return this.revocation.revoke({ org, user, agent, provider, actor, reason: 'disconnected' });
  }

  @Get(':id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.connections.get(...this.#named(request, id));
  }

  @Delete(':id')
  async disconnect(@Req() request: FastifyRequest, @Param('id') id: string) {
    const actor = await this.#require(request, 'admin');
    return this.disconnects.disconnect(...this.#named(request, id), actor);
  }

  @Get(':id/history')
  async history(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.connections.history(...this.#named(request, id));
  }

  @Post(':id/test')
  @HttpCode(200)
  async test(@Req() request: FastifyRequest, @Param('id') id: string) {
    const actor = await this.#require(request, 'admin');
    return this.tests.test(...this.#named(request, id), actor);
  }

  @Put(':id/agents')
  async replaceAgents(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown) {
    const actor = await this.#require(request, 'admin');
    const [org, connection] = this.#named(request, id);
    possibleAgents(body);
    const { agents } = parseBody(replaceConnectionAgentsSchema, body, { organization: 'org' }, notFound('conn'));
    return this.grantees.replace(org, connection, agents, actor);
  }

  #require(request: FastifyRequest, role: 'viewer' | 'admin') {
    const absent = notFound('conn');
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }

  /** Organization and connection; what can be no id is like one that nobody has. */
  #named(request: FastifyRequest, id: string): [string, string] {
    return [organizationOf(request, notFound('conn')), possibleId('conn', id)];
  }
}

/** The members of a list of agents that can be no id, likewise. */
function possibleAgents(body: unknown): void {
  const agents: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'agents') : undefined;
  if (!Array.isArray(agents)) return;
  for (const agent of agents) if (typeof agent === 'string') possibleId('agt', agent);
}
