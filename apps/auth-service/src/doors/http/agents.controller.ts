import { Controller, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import { assignmentSchema, createAgentSchema, parseOrThrow, type AgentAddress, type MemberRole } from '@keyward/contracts';
import { bearerToken } from '@keyward/service-host';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Assignments } from '../../governance/assignments.js';
import { AgentKeyAuthenticator } from '../../identity/agent-key-authenticator.js';
import { Agents } from '../../identity/agents.js';
import { notFound } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { NatsCredentials } from '../../nats-credentials/nats-credentials.js';
import { readCursor } from '../../records/page.js';
import type { Actor } from '../../records/record.js';
import { WorkloadAuthenticator } from '../../workloads/workload-authenticator.js';
import { isCompactJwt } from '../../workloads/workload-token.js';
import { agentAddress, onlyOrganizationSchema, organizationOf, parseBody } from './input.js';

export const agentQuerySchema = z.strictObject({ organization: z.string(), cursor: z.string().optional() });
export const assignmentsSchema = z.strictObject({
  organization: z.string().optional(),
  assignments: z.array(assignmentSchema).max(500),
});

@Controller('v1/agents')
export class AgentsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(AgentKeyAuthenticator) private readonly holders: AgentKeyAuthenticator,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(WorkloadAuthenticator) private readonly workloads: WorkloadAuthenticator,
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
    const { cursor } = parseOrThrow(agentQuerySchema, query, 'query');
    return this.agents.list(organization, readCursor('agt', cursor));
  }

  @Get(':id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    const { org, agent } = agentAddress(request, id);
    return this.agents.get(org, agent);
  }

  @Put(':id/assignments')
  async replaceAssignments(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    const { assignments } = parseOrThrow(assignmentsSchema, request.body, 'body');
    return this.assignments.replace(agentAddress(request, id), assignments, admin);
  }

  @Get(':id/assignments')
  async listAssignments(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.assignments.list(agentAddress(request, id));
  }

  /** For an admin, and for the agent itself with a key or a workload identity of its own: with it, it may be no other agent. */
  @Post(':id/nats-credentials')
  @HttpCode(201)
  async issueNatsCredentials(@Req() request: FastifyRequest, @Param('id') id: string) {
    const holder = await this.#holder(bearerToken(request.raw));
    if (holder === undefined) {
      const admin = await this.#require(request, 'admin');
      parseOrThrow(onlyOrganizationSchema, request.body, 'body');
      return this.natsCredentials.issue(agentAddress(request, id), admin);
    }
    parseOrThrow(onlyOrganizationSchema, request.body, 'body');
    if (holder.agent !== id) throw notFound('agt');
    return this.natsCredentials.issue(holder, { kind: 'agent', id: holder.agent });
  }

  /** Undefined for what is neither an agent key nor a workload's token: then it is for Principals to say who asks. */
  async #holder(token: string | undefined): Promise<AgentAddress | undefined> {
    if (token?.startsWith('kwa_') === true) return this.holders.authenticate(token);
    if (token === undefined || !isCompactJwt(token)) return undefined;
    const { org, agent } = await this.workloads.authenticate(token);
    return { org, agent };
  }

  #require(request: FastifyRequest, role: MemberRole, absent = notFound('agt')): Promise<Actor> {
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }
}
