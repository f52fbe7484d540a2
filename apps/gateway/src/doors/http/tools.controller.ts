import { Catalogs } from '@keyward/connectors';
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { executeBodySchema, parseOrThrow, writtenToolNameSchema } from '@keyward/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Connections } from '../../connections/connections.js';
import { Executions, OUTCOME_GRACE_MS } from '../../execute/executions.js';
import { Authenticator } from '../../identity/authenticator.js';
import { Assignments } from '../../tools/assignments.js';
import { indexOf, toListing, toolQuerySchema } from '../../tools/listing.js';
import { sendAccepted, sendJson, sendOutcome } from './answer.js';

@Controller('v1/tools')
export class ToolsController {
  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(Executions) private readonly executions: Executions,
    @Inject(Catalogs) private readonly catalogs: Catalogs,
    @Inject(Assignments) private readonly assignments: Assignments,
    @Inject(Connections) private readonly connections: Connections,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { org, agent } = await this.authenticator.authenticate(request.raw);
    const query = parseOrThrow(toolQuerySchema, request.query, 'query');
    const page = indexOf(await this.catalogs.of(org)).page(query, await this.assignments.of(org, agent));
    const statuses = query.user === undefined ? new Map() : await this.connections.statuses({ org, agent }, query.user);
    const tools = page.tools.map((tool) => toListing(tool, statuses));
    sendJson(reply, 200, { tools, nextCursor: page.nextCursor });
  }

  @Post(':tool/execute')
  async execute(@Param('tool') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { org, agent } = await this.authenticator.authenticate(request.raw);
    const tool = parseOrThrow(writtenToolNameSchema, name, 'tool name');
    const body = parseOrThrow(executeBodySchema, request.body, 'body');
    const call = await this.executions.check(Executions.newCall({ org, agent }, tool, body, 'http'));

    if (body.wait === 'none') {
      await this.executions.handOver(call);
      sendAccepted(reply, { id: call.id, state: 'queued' });
      return;
    }
    const { outcome, abandon } = this.executions.handOverAndWait(call, OUTCOME_GRACE_MS);
    // Emitted in either case; once answered, there is nothing left to abandon.
    reply.raw.once('close', abandon);
    const result = await outcome;
    if (result === undefined) sendAccepted(reply, { id: call.id, state: 'queued' });
    else sendOutcome(reply, result);
  }
}
