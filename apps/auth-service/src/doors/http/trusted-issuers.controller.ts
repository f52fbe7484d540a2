import { Controller, Delete, Get, Inject, Param, Post, Req } from '@nestjs/common';
import { createTrustedIssuerSchema, createWorkloadBindingSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { TrustedIssuers } from '../../workloads/trusted-issuers.js';
import { WorkloadBindings } from '../../workloads/workload-bindings.js';
import { organizationOf, parseBody } from './input.js';

@Controller('v1/trusted-issuers')
export class TrustedIssuersController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(TrustedIssuers) private readonly issuers: TrustedIssuers,
    @Inject(WorkloadBindings) private readonly bindings: WorkloadBindings,
  ) {}

  @Post()
  async add(@Req() request: FastifyRequest) {
    const admin = await this.#require(request, 'admin', notFound('org'));
    return this.issuers.add(parseBody(createTrustedIssuerSchema, request.body, { organization: 'org' }), admin);
  }

  @Get()
  async list(@Req() request: FastifyRequest) {
    await this.#require(request, 'viewer', notFound('org'));
    return this.issuers.list(organizationOf(request));
  }

  @Delete(':id')
  async remove(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    return this.issuers.remove(organizationOf(request, notFound('iss')), possibleId('iss', id), admin);
  }

  @Post(':id/bindings')
  async bind(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    const issuer = possibleId('iss', id);
    const body = parseBody(createWorkloadBindingSchema, request.body, { organization: 'org', agent: 'agt' });
    return this.bindings.add(issuer, body, admin);
  }

  @Get(':id/bindings')
  async listBindings(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.bindings.list(organizationOf(request, notFound('iss')), possibleId('iss', id));
  }

  @Delete(':id/bindings/:binding')
  async unbind(@Req() request: FastifyRequest, @Param('id') id: string, @Param('binding') binding: string) {
    const absent = notFound('wlb');
    const admin = await this.#require(request, 'admin', absent);
    const org = organizationOf(request, absent);
    return this.bindings.remove(org, possibleId('iss', id, absent), possibleId('wlb', binding), admin);
  }

  #require(request: FastifyRequest, role: 'admin' | 'viewer', absent = notFound('iss')) {
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }
}
