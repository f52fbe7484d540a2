import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Req } from '@nestjs/common';
import { putOverlaySchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { noSuchOverlay, Overlays } from '../../governance/overlays.js';
import { Principals } from '../../identity/principals.js';
import { organizationOf, parseBody } from './input.js';

@Controller('v1/connectors/:name/overlay')
export class OverlaysController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Overlays) private readonly overlays: Overlays,
  ) {}

  @Get()
  async get(@Req() request: FastifyRequest, @Param('name') name: string) {
    const absent = noSuchOverlay();
    await this.principals.require(request.raw, 'viewer', () => organizationOf(request, absent), absent);
    return this.overlays.get(organizationOf(request, absent), name);
  }

  @Put()
  async put(@Req() request: FastifyRequest, @Param('name') name: string, @Body() body: unknown) {
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request));
    const { organization, overlay } = parseBody(putOverlaySchema, body, { organization: 'org' });
    return this.overlays.put(organization, name, overlay, actor);
  }

  @Delete()
  @HttpCode(204)
  async remove(@Req() request: FastifyRequest, @Param('name') name: string) {
    const absent = noSuchOverlay();
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request, absent), absent);
    await this.overlays.remove(organizationOf(request, absent), name, actor);
  }
}
