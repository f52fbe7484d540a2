import { Controller, Get, Inject, Post, Query, Req } from '@nestjs/common';
import { createOrganizationSchema, parseOrThrow } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AdminAuthenticator } from '../../identity/admin.js';
import { Organizations } from '../../identity/organizations.js';
import { readCursor } from '../../records/page.js';

const listQuerySchema = z.strictObject({ cursor: z.string().optional() });

@Controller('v1/organizations')
export class OrganizationsController {
  constructor(
    @Inject(AdminAuthenticator) private readonly admins: AdminAuthenticator,
    @Inject(Organizations) private readonly organizations: Organizations,
  ) {}

  @Post()
  create(@Req() request: FastifyRequest) {
    const admin = this.admins.authenticate(request.raw);
    return this.organizations.create(parseOrThrow(createOrganizationSchema, request.body, 'body'), admin);
  }

  @Get()
  list(@Req() request: FastifyRequest, @Query() query: unknown) {
    this.admins.authenticate(request.raw);
    return this.organizations.list(readCursor('org', parseOrThrow(listQuerySchema, query, 'query').cursor));
  }
}
