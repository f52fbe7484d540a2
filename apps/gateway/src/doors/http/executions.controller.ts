import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { idSchema, KeywardError } from '@keyward/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Standing, type Found } from '../../execute/standing.js';
import { Authenticator } from '../../identity/authenticator.js';
import { sendAccepted, sendJson } from './answer.js';

const executionId = idSchema('exe');

@Controller('v1/executions')
export class ExecutionsController {
  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(Standing) private readonly standing: Standing,
  ) {}

  /** 200 with the outcome whatever it is, 202 while there is none. A malformed, foreign or forgotten id is as absent as any. */
  @Get(':id')
  async get(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { org, agent } = await this.authenticator.authenticate(request.raw);
    send(reply, isId(id) ? await this.standing.find({ org, agent }, id) : undefined);
  }

  /** 200 with the outcome where it has ended, now or before; 202 where it runs or is queued, and is about to end. */
  @Post(':id/cancel')
  async cancel(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { org, agent } = await this.authenticator.authenticate(request.raw);
    send(reply, isId(id) ? await this.standing.cancel({ org, agent }, id) : undefined);
  }
}

function isId(id: string): boolean {
  return executionId.safeParse(id).success;
}

function send(reply: FastifyReply, found: Found | undefined): void {
  if (found === undefined)
    throw new KeywardError('not_found', 'There is no execution with this id, or its outcome is no longer kept.');
  if ('result' in found) sendJson(reply, 200, found.result);
  else sendAccepted(reply, found.receipt);
}
