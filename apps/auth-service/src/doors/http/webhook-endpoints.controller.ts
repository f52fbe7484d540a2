import { Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query, Req } from '@nestjs/common';
import {
  createWebhookEndpointSchema,
  parseOrThrow,
  rotateWebhookSecretSchema,
  updateWebhookEndpointSchema,
} from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import type { Notifications } from '../../notifications/create-notifications.js';
import { readCursor } from '../../records/page.js';
import { onlyOrganizationSchema, organizationOf, parseBody } from './input.js';

export const deliveryQuerySchema = z.strictObject({ organization: z.string(), cursor: z.string().optional() });

@Controller('v1/webhook-endpoints')
export class WebhookEndpointsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject('NOTIFICATIONS') private readonly notifications: Notifications,
  ) {}

  @Post()
  async add(@Req() request: FastifyRequest) {
    const admin = await this.#require(request, 'admin', notFound('org'));
    const body = parseBody(createWebhookEndpointSchema, request.body, { organization: 'org' });
    return this.notifications.endpoints.add(body, admin);
  }

  @Get()
  async list(@Req() request: FastifyRequest) {
    await this.#require(request, 'viewer', notFound('org'));
    return this.notifications.endpoints.list(organizationOf(request));
  }

  @Get(':id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.notifications.endpoints.get(organizationOf(request), possibleId('whe', id));
  }

  @Patch(':id')
  async update(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    const endpoint = possibleId('whe', id);
    const { organization: _, ...change } = parseBody(updateWebhookEndpointSchema, request.body, { organization: 'org' });
    return this.notifications.endpoints.update(organizationOf(request), endpoint, change, admin);
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    const admin = await this.#require(request, 'admin');
    return this.notifications.endpoints.remove(organizationOf(request), possibleId('whe', id), admin);
  }

  @Post(':id/rotate-secret')
  @HttpCode(200)
  async rotateSecret(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    const endpoint = possibleId('whe', id);
    const { overlapSeconds } = parseBody(rotateWebhookSecretSchema, request.body ?? {}, { organization: 'org' });
    return this.notifications.endpoints.rotateSecret(organizationOf(request), endpoint, overlapSeconds, admin);
  }

  @Post(':id/test')
  @HttpCode(200)
  async test(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'admin');
    const endpoint = possibleId('whe', id);
    parseBody(onlyOrganizationSchema, request.body ?? {}, { organization: 'org' });
    return this.notifications.tests.test(organizationOf(request), endpoint);
  }

  @Get(':id/deliveries')
  async deliveries(@Req() request: FastifyRequest, @Param('id') id: string, @Query() query: unknown) {
    await this.#require(request, 'viewer');
    const endpoint = possibleId('whe', id);
    const { cursor } = parseOrThrow(deliveryQuerySchema, query, 'query');
    return this.notifications.deliveries(organizationOf(request), endpoint, readCursor('msg', cursor));
  }

  #require(request: FastifyRequest, role: 'admin' | 'viewer', absent = notFound('whe')) {
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }
}
