import { PassThrough } from 'node:stream';
import { Body, Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { parseOrThrow, rewrapRequestSchema } from '@keyward/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Principals } from '../../identity/principals.js';
import { RewrapVault } from '../../vault/rewrap-vault.js';

@Controller('v1/vault')
export class VaultController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(RewrapVault) private readonly vault: RewrapVault,
  ) {}

  /** NDJSON: progress while it works, the report as the last line. Whoever hangs up ends it; `after` goes on from there. */
  @Post('rewrap')
  @HttpCode(200)
  async rewrap(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Body() body: unknown): Promise<void> {
    await this.principals.requireOperator(request.raw);
    const { after } = parseOrThrow(rewrapRequestSchema, body ?? {}, 'body');
    const gone = new AbortController();
    const lines = new PassThrough();
    // Destroyed by fastify where the client is no longer there.
    lines.once('close', () => gone.abort());
    void this.vault
      .rewrap({ after, signal: gone.signal }, (line) => lines.write(`${JSON.stringify(line)}\n`))
      .then(
        () => lines.end(),
        (error: Error) => lines.destroy(error),
      );
    await reply.type('application/x-ndjson').send(lines);
  }
}
