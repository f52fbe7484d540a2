import { Controller, Delete, Get, Inject, Param, Put, Req } from '@nestjs/common';
import { parseOrThrow, slugSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { TokenReleases } from '../../governance/token-releases.js';
import { notFound } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { agentAddress, onlyOrganizationSchema, organizationOf } from './input.js';

/** Which providers' access tokens an agent may be handed by get_access_token. */
@Controller('v1/agents/:id/token-releases/:provider')
export class TokenReleasesController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(TokenReleases) private readonly releases: TokenReleases,
  ) {}

  @Get()
  async get(@Req() request: FastifyRequest, @Param('id') id: string, @Param('provider') provider: string) {
    await this.#require(request, 'viewer');
    return this.releases.get(key(request, id, provider));
  }

  @Put()
  async grant(@Req() request: FastifyRequest, @Param('id') id: string, @Param('provider') provider: string) {
    const admin = await this.#require(request, 'admin');
    parseOrThrow(onlyOrganizationSchema, request.body, 'body');
    return this.releases.grant(key(request, id, provider), admin);
  }

  @Delete()
  async withdraw(@Req() request: FastifyRequest, @Param('id') id: string, @Param('provider') provider: string) {
    const admin = await this.#require(request, 'admin');
    return this.releases.withdraw(key(request, id, provider), admin);
  }

  #require(request: FastifyRequest, role: 'admin' | 'viewer') {
    return this.principals.require(request.raw, role, () => organizationOf(request, notFound('agt')), notFound('agt'));
  }
}

function key(request: FastifyRequest, id: string, provider: string) {
  return { ...agentAddress(request, id), provider: parseOrThrow(slugSchema, provider, 'provider') };
}
