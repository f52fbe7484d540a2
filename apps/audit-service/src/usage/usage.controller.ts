import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import type { UsagePage } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { AuditorAuthenticator } from '../query/auditor.js';
import { Readings } from '../query/readings.js';
import { UsageQueries } from './usage-queries.js';
import { parseUsageQuery } from './usage-query.js';

@Controller('v1/usage')
export class UsageController {
  constructor(
    @Inject(AuditorAuthenticator) private readonly auditors: AuditorAuthenticator,
    @Inject(UsageQueries) private readonly usage: UsageQueries,
    @Inject(Readings) private readonly readings: Readings,
  ) {}

  @Get()
  async find(@Req() request: FastifyRequest, @Query() query: unknown): Promise<UsagePage> {
    const asker = this.auditors.identify(request.raw);
    const wanted = parseUsageQuery(query, new Date());
    const { filter, groupBy, from, to } = wanted;
    const { organization, ...narrowed } = filter;
    const reader = await this.auditors.require(asker, organization);
    const page = await this.usage.find(wanted);
    // Every page, as a cursor proves nothing here.
    await this.readings.record({ type: 'usage.read', reader, organization, asked: { groupBy, from, to, ...narrowed } });
    return page;
  }
}
