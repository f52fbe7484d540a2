import { Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { parseOrThrow, type KeywardError } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Custody, custodyOperation } from '../../custody/custody.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';

const callerSchema = z.looseObject({ org: z.string({ error: 'the organization must be named' }) });

/** The six custody operations of `auth.v1`, for admins: the same handlers, requests and answers. */
@Controller('v1/custody')
export class CustodyController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Custody) private readonly custody: Custody,
  ) {}

  @Post(':operation')
  @HttpCode(200)
  async handle(@Req() request: FastifyRequest, @Param('operation') name: string) {
    const absent = notFound(isObject(request.body) && 'connection' in request.body ? 'conn' : 'agt');
    const admin = await this.principals.require(request.raw, 'admin', () => organizationIn(request.body, absent), absent);
    return this.custody.handle(custodyOperation(name), request.body, { kind: 'admin', id: admin.id });
  }
}

function organizationIn(body: unknown, absent: KeywardError): string {
  return possibleId('org', parseOrThrow(callerSchema, body, 'body').org, absent);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
