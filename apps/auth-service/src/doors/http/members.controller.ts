import { Controller, Delete, Get, Inject, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { createMemberSchema, parseOrThrow, updateMemberSchema, type Member, type MemberRole } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { Members } from '../../people/members.js';
import { readCursor } from '../../records/page.js';
import type { Actor } from '../../records/record.js';
import { organizationOf, parseBody } from './input.js';

export const memberQuerySchema = z.strictObject({ organization: z.string(), cursor: z.string().optional() });
export const changeMemberSchema = updateMemberSchema.extend({ organization: z.string().optional() });

@Controller('v1/members')
export class MembersController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Members) private readonly members: Members,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Query() query: unknown) {
    await this.#require(request, 'viewer');
    const { cursor } = parseOrThrow(memberQuerySchema, query, 'query');
    return this.members.list(organizationOf(request), readCursor('mbr', cursor));
  }

  @Post()
  async add(@Req() request: FastifyRequest): Promise<Member> {
    const actor = await this.#require(request, 'owner');
    return this.members.add(parseBody(createMemberSchema, request.body, { organization: 'org' }), actor);
  }

  @Patch(':id')
  async change(@Req() request: FastifyRequest, @Param('id') id: string): Promise<Member> {
    const absent = notFound('mbr');
    const actor = await this.#require(request, 'owner', absent);
    const { role } = parseOrThrow(changeMemberSchema, request.body, 'body');
    return this.members.changeRole(organizationOf(request, absent), possibleId('mbr', id), role, actor);
  }

  @Delete(':id')
  async remove(@Req() request: FastifyRequest, @Param('id') id: string): Promise<Member> {
    const absent = notFound('mbr');
    const actor = await this.#require(request, 'owner', absent);
    return this.members.remove(organizationOf(request, absent), possibleId('mbr', id), actor);
  }

  #require(request: FastifyRequest, role: MemberRole, absent = notFound('org')): Promise<Actor> {
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }
}
