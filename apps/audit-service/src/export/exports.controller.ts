import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuditorAuthenticator } from '../query/auditor.js';
import { parseExportQuery } from './export-query.js';
import { Exports } from './exports.js';

@Controller('v1/events/export')
export class ExportsController {
  constructor(
    @Inject(AuditorAuthenticator) private readonly auditors: AuditorAuthenticator,
    @Inject(Exports) private readonly exports: Exports,
  ) {}

  @Get()
  async export(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Query() asked: unknown): Promise<void> {
    const asker = this.auditors.identify(request.raw);
    const query = parseExportQuery(asked);
    const reader = await this.auditors.require(asker, query.organization);
    const lines = await this.exports.begin(query, reader);
    const name = `keyward-audit-${query.organization}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.jsonl`;
    void reply
      .header('content-type', 'application/x-ndjson')
      .header('content-disposition', `attachment; filename="${name}"`)
      .send(lines);
  }
}
