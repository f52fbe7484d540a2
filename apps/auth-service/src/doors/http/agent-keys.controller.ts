import { Controller, Delete, Get, Inject, Param, Post, Req } from '@nestjs/common';
import { parseOrThrow, rotateAgentKeySchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { AgentKeys } from '../../identity/agent-keys.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { agentAddress, onlyOrganizationSchema, organizationOf } from './input.js';

@Controller('v1/agents/:id/keys')
export class AgentKeysController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(AgentKeys) private readonly keys: AgentKeys,
  ) {}

  @Post()
  async create(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    parseOrThrow(onlyOrganizationSchema, request.body, 'body');
    return this.keys.create(agentAddress(request, id), admin);
  }

  @Get()
  async list(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.keys.list(agentAddress(request, id));
  }

  @Post(':key/rotate')
  async rotate(@Req() request: FastifyRequest, @Param('id') id: string, @Param('key') key: string) {
    const admin = await this.#require(request, 'admin', notFound('key'));
    const owner = agentAddress(request, id, notFound('key'));
    const { overlapSeconds } = parseOrThrow(rotateAgentKeySchema, request.body ?? {}, 'body');
    return this.keys.rotate(owner, possibleId('key', key), overlapSeconds, admin);
  }

  @Delete(':key')
  async revoke(@Req() request: FastifyRequest, @Param('id') id: string, @Param('key') key: string) {
    const admin = await this.#require(request, 'admin', notFound('key'));
    const owner = agentAddress(request, id, notFound('key'));
    return this.keys.revoke(owner, possibleId('key', key), admin);
  }

  /** All of them, a rotated one that still works included. */
  @Delete()
  async revokeAll(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    return this.keys.revokeAll(agentAddress(request, id), admin);
  }

  #require(request: FastifyRequest, role: 'admin' | 'viewer', absent = notFound('agt')) {
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }
}
