import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { parseOrThrow, streams } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DeadLetters } from '../../dead-letters/dead-letters.js';
import { Principals } from '../../identity/principals.js';

export const letterIdSchema = z.coerce
  .number({ error: 'must be the number of a dead letter' })
  .int()
  .min(1)
  .max(Number.MAX_SAFE_INTEGER);
const workQueues = [streams.executions, streams.refresh, streams.connections, streams.audit] as const;

export const deadLetterQuerySchema = z.strictObject({
  stream: z.enum(workQueues).optional(),
  cursor: letterIdSchema.optional(),
});

/** For the operator alone: a message that was given up is one of the deployment, and may be of no organization. */
@Controller('v1/dead-letters')
export class DeadLettersController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(DeadLetters) private readonly letters: DeadLetters,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Query() asked: unknown) {
    await this.principals.requireOperator(request.raw);
    const { stream, cursor } = parseOrThrow(deadLetterQuerySchema, asked, 'query');
    return this.letters.list(stream, cursor ?? 0);
  }

  @Get(':id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.principals.requireOperator(request.raw);
    return this.letters.get(parseOrThrow(letterIdSchema, id, 'id'));
  }

  @Post(':id/replay')
  @HttpCode(200)
  async replay(@Req() request: FastifyRequest, @Param('id') id: string) {
    const operator = await this.principals.requireOperator(request.raw);
    return this.letters.replay(parseOrThrow(letterIdSchema, id, 'id'), operator);
  }

  @Delete(':id')
  async discard(@Req() request: FastifyRequest, @Param('id') id: string) {
    const operator = await this.principals.requireOperator(request.raw);
    return this.letters.discard(parseOrThrow(letterIdSchema, id, 'id'), operator);
  }
}
