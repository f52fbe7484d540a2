import { Controller, Get, Inject, Post, Query, Req } from '@nestjs/common';
import { createOrganizationSchema, parseOrThrow } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Principals } from '../../identity/principals.js';
import { Organizations } from '../../identity/organizations.js';
import { readCursor } from '../../records/page.js';

const listQuerySchema = z.strictObject({ cursor: z.string().optional() });

@Controller('v1/organizations')
export class OrganizationsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Organizations) private readonly organizations: Organizations,
  ) {}

  @Post()
  async create(@Req() request: FastifyRequest) {
    const admin = await this.principals.requireOperator(request.raw);
    return this.organizations.create(parseOrThrow(createOrganizationSchema, request.body, 'body'), admin);
  }

  @Get()
  async list(@Req() request: FastifyRequest, @Query() query: unknown) {
    await this.principals.requireOperator(request.raw);
    return this.organizations.list(readCursor('org', parseOrThrow(listQuerySchema, query, 'query').cursor));
  }
}
