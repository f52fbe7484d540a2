import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { KeywardError, idSchema, parseOrThrow } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditorAuthenticator } from './auditor.js';
import { parseEventQuery } from './event-filter.js';
import { ChainVerification, type Verification } from './chain-verification.js';
import { EventQueries, type EventPage } from './event-queries.js';
import { Readings } from './readings.js';

export const verifyQuerySchema = z.strictObject({
  organization: idSchema('org'),
  afterSeq: z.coerce.number({ error: 'must be a number' }).int().min(1).optional(),
  afterHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
    .optional(),
});

@Controller('v1/events')
export class EventsController {
  constructor(
    @Inject(AuditorAuthenticator) private readonly auditors: AuditorAuthenticator,
    @Inject(EventQueries) private readonly queries: EventQueries,
    @Inject(ChainVerification) private readonly chains: ChainVerification,
    @Inject(Readings) private readonly readings: Readings,
  ) {}

  @Get()
  async find(@Req() request: FastifyRequest, @Query() query: unknown): Promise<EventPage> {
    const asker = this.auditors.identify(request.raw);
    const wanted = parseEventQuery(query);
    const { organization } = wanted.filter;
    const reader = await this.auditors.require(asker, organization);
    const { isRecorded, ...page } = await this.queries.find(wanted, reader.id);
    if (!isRecorded) await this.readings.record({ type: 'audit.read', reader, organization, asked: wanted.filter });
    return page;
  }

  @Get('verify')
  async verify(@Req() request: FastifyRequest, @Query() query: unknown): Promise<Verification> {
    const asker = this.auditors.identify(request.raw);
    const { organization, afterSeq, afterHash } = parseOrThrow(verifyQuerySchema, query, 'query');
    const reader = await this.auditors.require(asker, organization);
    if ((afterSeq === undefined) !== (afterHash === undefined)) {
      throw new KeywardError(
        'invalid_request',
        'Give both "afterSeq" and "afterHash", the head of an earlier answer, or neither.',
      );
    }
    const after = afterSeq === undefined || afterHash === undefined ? undefined : { seq: afterSeq, hash: afterHash };
    const verification = await this.chains.verify({ organization, after });
    await this.readings.record({ type: 'audit.verified', reader, organization, asked: { afterSeq } });
    return verification;
  }
}
