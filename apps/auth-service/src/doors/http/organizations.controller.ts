import { Body, Controller, Get, HttpCode, Inject, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { createOrganizationSchema, parseOrThrow, shredOrganizationSchema, updateOrganizationSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { possibleId } from '../../identity/not-found.js';
import { Organizations } from '../../identity/organizations.js';
import { Principals } from '../../identity/principals.js';
import { OrganizationShredder } from '../../identity/shred-organization.js';
import { readCursor } from '../../records/page.js';

export const organizationQuerySchema = z.strictObject({ cursor: z.string().optional() });

@Controller('v1/organizations')
export class OrganizationsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Organizations) private readonly organizations: Organizations,
    @Inject(OrganizationShredder) private readonly shredder: OrganizationShredder,
  ) {}

  @Post()
  async create(@Req() request: FastifyRequest, @Body() body: unknown) {
    const operator = await this.principals.requireOperator(request.raw);
    return this.organizations.create(parseOrThrow(createOrganizationSchema, body, 'body'), operator);
  }

  @Get()
  async list(@Req() request: FastifyRequest, @Query() query: unknown) {
    await this.principals.requireOperator(request.raw);
    return this.organizations.list(readCursor('org', parseOrThrow(organizationQuerySchema, query, 'query').cursor));
  }

  @Get(':id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.principals.require(request.raw, 'viewer', () => possibleId('org', id));
    return this.organizations.get(id);
  }

  @Patch(':id')
  async update(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown) {
    const actor = await this.principals.require(request.raw, 'admin', () => possibleId('org', id));
    return this.organizations.update(id, parseOrThrow(updateOrganizationSchema, body, 'body'), actor);
  }

  @Post(':id/data-keys/rotate')
  @HttpCode(200)
  async rotateDataKey(@Req() request: FastifyRequest, @Param('id') id: string) {
    const actor = await this.principals.require(request.raw, 'admin', () => possibleId('org', id));
    return this.organizations.rotateDataKey(id, actor);
  }

  @Post(':id/shred')
  @HttpCode(200)
  async shred(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown) {
    const actor = await this.principals.require(request.raw, 'owner', () => possibleId('org', id));
    return this.shredder.shred(id, parseOrThrow(shredOrganizationSchema, body, 'body'), actor);
  }
}
