import { Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Req } from '@nestjs/common';
import { createBudgetSchema, updateBudgetSchema } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { Budgets } from '../../governance/budgets.js';
import { notFound, possibleId } from '../../identity/not-found.js';
import { Principals } from '../../identity/principals.js';
import { organizationOf, parseBody } from './input.js';

@Controller('v1/budgets')
export class BudgetsController {
  constructor(
    @Inject(Principals) private readonly principals: Principals,
    @Inject(Budgets) private readonly budgets: Budgets,
  ) {}

  @Post()
  async create(@Req() request: FastifyRequest) {
    const admin = await this.#require(request, 'admin', notFound('org'));
    return this.budgets.create(parseBody(createBudgetSchema, request.body, { organization: 'org', agent: 'agt' }), admin);
  }

  @Get()
  async list(@Req() request: FastifyRequest) {
    await this.#require(request, 'viewer', notFound('org'));
    return this.budgets.list(organizationOf(request));
  }

  @Get(':id')
  async get(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.#require(request, 'viewer');
    return this.budgets.get(organizationOf(request), possibleId('bgt', id));
  }

  @Patch(':id')
  async update(@Req() request: FastifyRequest, @Param('id') id: string) {
    const admin = await this.#require(request, 'admin');
    const budget = possibleId('bgt', id);
    const { organization: _, ...change } = parseBody(updateBudgetSchema, request.body, { organization: 'org' });
    return this.budgets.update(organizationOf(request), budget, change, admin);
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    const admin = await this.#require(request, 'admin');
    return this.budgets.remove(organizationOf(request), possibleId('bgt', id), admin);
  }

  #require(request: FastifyRequest, role: 'admin' | 'viewer', absent = notFound('bgt')) {
    return this.principals.require(request.raw, role, () => organizationOf(request, absent), absent);
  }
}
