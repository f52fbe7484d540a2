import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import { assignmentSchema, createAgentSchema, parseOrThrow, type AgentAddress, type MemberRole } from '@keyward/contracts';
import { bearerToken } from '@keyward/service-host';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Assignments } from '../../governance/assignments.js';
import { AgentKeyAuthenticator } from '../../identity/agent-key-authenticator.js';
import { AgentKeys } from '../../identity/agent-keys.js';
import { Agents } from '../../identity/agents.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { NatsCredentials } from '../../nats-credentials/nats-credentials.js';
import { readCursor } from '../../records/page.js';
import type { Actor } from '../../records/record.js';
import { organizationOf, parseBody } from './input.js';

const listQuerySchema = z.strictObject({ organization: z.string(), cursor: z.string().optional() });
const assignmentsSchema = z.strictObject({
  organization: z.string().optional(),
  assignments: z.array(assignmentSchema).max(500),
});
const onlyOrganizationSchema = z.strictObject({ organization: z.string().optional() }).optional();

@Controller('v1/agents')
export class AgentsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(AgentKeyAuthenticator) private readonly holders: AgentKeyAuthenticator,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(AgentKeys) private readonly keys: AgentKeys,
    @Inject(Assignments) private readonly assignments: Assignments,
    @Inject(NatsCredentials) private readonly natsCredentials: NatsCredentials,
  ) {}

  @Post()
  async create(@Req() request: FastifyRequest) {
    const admin = await this.principals.require(request.raw, 'admin', () => organizationOf(request));
    return this.agents.create(parseBody(createAgentSchema, request.body, { organization: 'org' }), admin);
  }

  @Get()
  async list(@Req() request: FastifyRequest, @Query() query: unknown) {
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request));
    const organization = organizationOf(request);
    const { cursor } = parseOrThrow(listQuerySchema, query, 'query');
    return this.agents.list(organization, readCursor('agt', cursor));
  }

  @Post(':id/keys')
  async createKey(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    parseOrThrow(onlyOrganizationSchema, request.body, 'body');
    return this.keys.create(address(request, id), admin);
  }

  @Get(':id/keys')
  async listKeys(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.keys.list(address(request, id));
  }

  @Delete(':id/keys/:key')
  async revokeKey(@Req() request: FastifyRequest, @Param('id') id: string, @Param('key') key: string) {
    const admin = await this.#require(request, 'admin', notFound('key'));
    const owner = address(request, id, notFound('key'));
    return this.keys.revoke(owner, possibleId('key', key), admin);
  }

  @Put(':id/assignments')
  async replaceAssignments(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    const { assignments } = parseOrThrow(assignmentsSchema, request.body, 'body');
    return this.assignments.replace(address(request, id), assignments, admin);
  }

  @Get(':id/assignments')
  async listAssignments(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.assignments.list(address(request, id));
  }

  /** For an admin, and for the agent itself with a key of its own: with it, it may be no other agent. */
  @Post(':id/nats-credentials')
  @HttpCode(201)
  async issueNatsCredentials(@Req() request: FastifyRequest, @Param('id') id: string) {
    const token = bearerToken(request.raw);
    if (token?.startsWith('kwa_') !== true) {
      const admin = await this.#require(request, 'admin');
      parseOrThrow(onlyOrganizationSchema, request.body, 'body');
      return this.natsCredentials.issue(address(request, id), admin);
    }
    parseOrThrow(onlyOrganizationSchema, request.body, 'body');
    const holder = await this.holders.authenticate(token);
    if (holder.agent !== id) throw notFound('agt');
    return this.natsCredentials.issue(holder, { kind: 'agent', id: holder.agent });
  }

  #require(request: FastifyRequest, role: MemberRole, absent = notFound('agt')): Promise<Actor> {
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }
}

/** That an organization or agent does not exist is no news about what it would have: all are one answer. */
function address(request: FastifyRequest, id: string, absent = notFound('agt')): AgentAddress {
  return { org: organizationOf(request, absent), agent: possibleId('agt', id, absent) };
}
