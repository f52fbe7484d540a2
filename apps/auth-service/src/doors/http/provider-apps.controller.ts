import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Req } from '@nestjs/common';
import { createProviderAppSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { ProviderApps } from '../../provider-apps/provider-apps.js';
import { organizationOf, parseBody } from './input.js';

export const replaceProviderAppSchema = createProviderAppSchema.omit({ provider: true });

@Controller('v1/provider-apps')
export class ProviderAppsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(ProviderApps) private readonly providerApps: ProviderApps,
  ) {}

  @Post()
  async create(@Req() request: FastifyRequest) {
    const admin = await this.principals.require(request.raw, 'admin', () => organizationOf(request));
    return this.providerApps.create(parseBody(createProviderAppSchema, request.body, { organization: 'org' }), admin);
  }

  @Get()
  async list(@Req() request: FastifyRequest) {
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request));
    return this.providerApps.list(organizationOf(request));
  }

  @Get(':id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    const absent = notFound('app');
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request, absent), absent);
    return this.providerApps.get(organizationOf(request, absent), possibleId('app', id));
  }

  @Put(':id')
  async replace(@Req() request: FastifyRequest, @Param('id') id: string) {
    const absent = notFound('app');
    const admin = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    const { organization, ...registration } = parseBody(replaceProviderAppSchema, request.body, { organization: 'org' }, absent);
    return this.providerApps.replace(organization, possibleId('app', id), registration, admin);
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    const absent = notFound('app');
    const admin = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    return this.providerApps.remove(organizationOf(request, absent), possibleId('app', id), admin);
  }
}
