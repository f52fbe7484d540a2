import { Controller, Get, Inject, Param, Put, Query, Req } from '@nestjs/common';
import {
  agentManifestSchema,
  idSchema,
  parseOrThrow,
  putManifestSchema,
  userIdSchema,
  type AgentManifest,
} from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AgentManifests } from '../../governance/agent-manifests.js';
import { notFound } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { agentAddress, organizationOf, parseBody } from './input.js';

const querySchema = z.strictObject({ organization: z.string().optional(), user: userIdSchema.optional() });
export const manifestEnvelopeSchema = z.strictObject({ organization: idSchema('org').optional(), manifest: agentManifestSchema });

@Controller('v1')
export class AgentManifestsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(AgentManifests) private readonly manifests: AgentManifests,
  ) {}

  /** `keyward apply`: the agent is the one of the manifest's slug, made where there is none. */
  @Put('manifests')
  async put(@Req() request: FastifyRequest, @Query() query: unknown) {
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request));
    const { user } = parseOrThrow(querySchema, query, 'query');
    const { organization: org, manifest } = parseBody(putManifestSchema, request.body, { organization: 'org' });
    return this.manifests.apply({ org, manifest, user, actor });
  }

  @Put('agents/:id/manifest')
  async apply(@Req() request: FastifyRequest, @Param('id') id: string, @Query() query: unknown) {
    const actor = await this.#require(request, 'admin');
    const address = agentAddress(request, id);
    const { user } = parseOrThrow(querySchema, query, 'query');
    return this.manifests.apply({ ...address, manifest: manifestIn(request.body), user, actor });
  }

  @Get('agents/:id/manifest')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.manifests.get(agentAddress(request, id));
  }

  #require(request: FastifyRequest, role: 'admin' | 'viewer') {
    return this.principals.require(request.raw, role, () => organizationOf(request, notFound('agt')), notFound('agt'));
  }
}

/** The manifest itself, or in an envelope that also names the organization. */
function manifestIn(body: unknown): AgentManifest {
  const isEnvelope = typeof body === 'object' && body !== null && Object.hasOwn(body, 'manifest');
  return isEnvelope
    ? parseOrThrow(manifestEnvelopeSchema, body, 'body').manifest
    : parseOrThrow(agentManifestSchema, body, 'body');
}
