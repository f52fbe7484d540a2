import { idSchema, KeywardError, parseOrThrow } from '@keyward/contracts';
import { PUBLIC_ROUTE } from '@keyward/service-host';
import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { AuditorAuthenticator } from '../query/auditor.js';
import { listCheckpoints, type CheckpointPage } from './checkpoint-queries.js';
import { PublishedKeys } from './signing-key.js';

const LIMIT = { default: 100, max: 1000 } as const;
/** A rotation must be heard of soon; until then the previous key is listed. */
const KEYS_MAX_AGE_SECONDS = 300;

export const checkpointQuerySchema = z.strictObject({
  organization: idSchema('org'),
  cursor: z
    .string()
    .regex(/^[1-9][0-9]{0,14}$/, 'must be one that an earlier page ended with')
    .optional(),
  limit: z.coerce.number({ error: 'must be a number' }).int().min(1).max(LIMIT.max).default(LIMIT.default),
});

@Controller('v1/checkpoints')
export class CheckpointsController {
  constructor(
    @Inject(AuditorAuthenticator) private readonly auditors: AuditorAuthenticator,
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(PublishedKeys) private readonly keys: PublishedKeys,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Query() query: unknown): Promise<CheckpointPage> {
    const asker = this.auditors.identify(request.raw);
    const { organization, cursor, limit } = parseOrThrow(checkpointQuerySchema, query, 'query');
    await this.auditors.require(asker, organization);
    return listCheckpoints(this.database, { organization, before: cursor === undefined ? undefined : Number(cursor), limit });
  }

  /** For anybody: whoever verifies an export needs them, and they are public. */
  @Get('keys')
  @RouteConfig(PUBLIC_ROUTE)
  async publicKeys(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const keys = await this.keys.all();
    if (keys === undefined) throw new KeywardError('not_found', 'This deployment signs no checkpoints.');
    void reply.header('cache-control', `public, max-age=${KEYS_MAX_AGE_SECONDS}`);
    return keys;
  }
}
