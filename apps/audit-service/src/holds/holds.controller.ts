import { idSchema, KeywardError, parseOrThrow } from '@keyward/contracts';
import { Body, Controller, Delete, Get, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditorAuthenticator } from '../query/auditor.js';
import { Holds, type Hold } from './holds.js';

const MAX_REASON = 500;
const time = z.iso.datetime({ offset: true }).max(40);

export const placeHoldSchema = z.strictObject({
  /** Null, or left out: every organization's trail. */
  organization: idSchema('org').nullable().default(null),
  from: time.nullable().default(null),
  to: time.nullable().default(null),
  reason: z.string().trim().min(1).max(MAX_REASON),
});
const holdIdSchema = idSchema('hld');

/** Of the deployment's operator. */
@Controller('v1/holds')
export class HoldsController {
  constructor(
    @Inject(AuditorAuthenticator) private readonly auditors: AuditorAuthenticator,
    @Inject(Holds) private readonly holds: Holds,
  ) {}

  @Get()
  list(@Req() request: FastifyRequest): Promise<{ holds: Hold[] }> {
    this.auditors.requireOperator(this.auditors.identify(request.raw));
    return this.holds.list();
  }

  @Post()
  place(@Req() request: FastifyRequest, @Body() body: unknown): Promise<Hold> {
    const operator = this.auditors.requireOperator(this.auditors.identify(request.raw));
    const asked = parseOrThrow(placeHoldSchema, body, 'body');
    if (asked.from !== null && asked.to !== null && Date.parse(asked.from) >= Date.parse(asked.to))
      throw new KeywardError('invalid_request', 'The time in "from" must be before the one in "to".');
    return this.holds.place(asked, operator);
  }

  @Delete(':id')
  release(@Req() request: FastifyRequest, @Param('id') id: string): Promise<Hold> {
    const operator = this.auditors.requireOperator(this.auditors.identify(request.raw));
    return this.holds.release(parseOrThrow(holdIdSchema, id, 'hold id'), operator);
  }
}
