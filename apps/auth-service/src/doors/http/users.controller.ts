import { Controller, Delete, Inject, Param, Req } from '@nestjs/common';
import { parseOrThrow, userIdSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { EraseUser } from '../../connections/erase-user.js';
import { Principals } from '../../identity/principals.js';
import { organizationOf } from './input.js';

@Controller('v1/users')
export class UsersController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(EraseUser) private readonly erasure: EraseUser,
  ) {}

  @Delete(':user')
  async erase(@Req() request: FastifyRequest, @Param('user') user: string) {
    const actor = await this.principals.require(request.raw, 'admin', () => organizationOf(request));
    return this.erasure.erase(organizationOf(request), parseOrThrow(userIdSchema, user, 'user id'), actor);
  }
}
