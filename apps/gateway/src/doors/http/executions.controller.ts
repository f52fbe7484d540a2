import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { idSchema, KeywardError } from '@keyward/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KeptResults } from '../../execute/kept-results.js';
import { PendingExecutions } from '../../execute/pending-executions.js';
import { Authenticator } from '../../identity/authenticator.js';
import { sendAccepted, sendJson } from './answer.js';

const executionId = idSchema('exe');

@Controller('v1/executions')
export class ExecutionsController {
  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(KeptResults) private readonly kept: KeptResults,
    @Inject(PendingExecutions) private readonly pending: PendingExecutions,
  ) {}

  /** 200 with the outcome whatever it is, 202 while there is none. A malformed, foreign or forgotten id is as absent as any. */
  @Get(':id')
  async get(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { org, agent } = await this.authenticator.authenticate(request.raw);
    if (!executionId.safeParse(id).success) throw notFound();
    const result = await this.kept.find({ org, agent }, id);
    if (result !== undefined) sendJson(reply, 200, result);
    else if (this.pending.has(id, { org, agent })) sendAccepted(reply, id);
    else throw notFound();
  }
}

function notFound(): KeywardError {
  return new KeywardError('not_found', 'There is no execution with this id, or its outcome is no longer kept.');
}
