import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ArtifactReader } from '../../artifacts/artifact-reader.js';
import { Authenticator } from '../../identity/authenticator.js';

/** What a provider answered must never run in a browser as if it were a page of ours. */
const HARMLESS = {
  'cache-control': 'no-store',
  'content-disposition': 'attachment',
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
};

@Controller('v1/artifacts')
export class ArtifactsController {
  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(ArtifactReader) private readonly artifacts: ArtifactReader,
  ) {}

  /** The bytes, with their digest (RFC 9530) so that the reader can tell that they are whole. */
  @Get(':id')
  async get(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const address = await this.authenticator.authenticate(request.raw);
    const { contentType, bytes, sha256, body } = await this.artifacts.open(address, id);
    const digest = `sha-256=:${sha256.toString('base64')}:`;
    void reply.headers({ ...HARMLESS, 'content-type': contentType, 'content-length': bytes, 'repr-digest': digest }).send(body);
  }
}
