import { Controller, Get, Inject, Param, Post, Put, Req } from '@nestjs/common';
import { createProviderAppSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { AdminAuthenticator } from '../../identity/admin.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { ProviderApps } from '../../provider-apps/provider-apps.js';
import { organizationOf, parseBody } from './input.js';

const replaceSchema = createProviderAppSchema.omit({ provider: true });

@Controller('v1/provider-apps')
export class ProviderAppsController {
  constructor(
    @Inject(AdminAuthenticator) private readonly admins: AdminAuthenticator,
    @Inject(ProviderApps) private readonly providerApps: ProviderApps,
  ) {}

  @Post()
  create(@Req() request: FastifyRequest) {
    const admin = this.admins.authenticate(request.raw);
    return this.providerApps.create(parseBody(createProviderAppSchema, request.body, { organization: 'org' }), admin);
  }

  @Put(':id')
  replace(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = this.admins.authenticate(request.raw);
    const { organization, ...registration } = parseBody(replaceSchema, request.body, { organization: 'org' }, notFound('app'));
    return this.providerApps.replace(organization, possibleId('app', id), registration, admin);
  }

  @Get()
  list(@Req() request: FastifyRequest) {
    this.admins.authenticate(request.raw);
    return this.providerApps.list(organizationOf(request));
  }
}
