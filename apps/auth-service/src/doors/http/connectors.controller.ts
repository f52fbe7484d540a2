import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { parseOrThrow, postConnectorSchema, slugSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Connectors, noSuchConnector } from '../../governance/connectors.js';
import { Principals } from '../../identity/principals.js';
import { organizationOf, parseBody } from './input.js';

export const connectorQuerySchema = z.looseObject({
  search: z.string().max(100).optional(),
  category: z.string().max(40).optional(),
  cursor: slugSchema.optional(),
});

@Controller('v1/connectors')
export class ConnectorsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Connectors) private readonly connectors: Connectors,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Query() query: unknown) {
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request));
    const { search, category, cursor } = parseOrThrow(connectorQuerySchema, query, 'query');
    return this.connectors.list(organizationOf(request), { search, category, cursor });
  }

  @Get(':name')
  async get(@Req() request: FastifyRequest, @Param('name') name: string) {
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request, noSuchConnector()), noSuchConnector());
    return this.connectors.get(organizationOf(request, noSuchConnector()), name);
  }

  @Post()
  async post(@Req() request: FastifyRequest, @Body() body: unknown) {
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request));
    return this.connectors.post(parseBody(postConnectorSchema, body, { organization: 'org' }), actor);
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Req() request: FastifyRequest, @Param('name') name: string) {
    const absent = noSuchConnector();
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    await this.connectors.remove(organizationOf(request, absent), name, actor);
  }
}
