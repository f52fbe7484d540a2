import { Controller, Get, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { PUBLIC_ROUTE } from '@keyward/service-host';
import type { FastifyReply } from 'fastify';
import { openApiDocument } from '../../openapi/document.js';

@Controller('openapi.json')
export class OpenApiController {
  #document: string | undefined;

  /** Public: it says nothing about any organization. */
  @Get()
  @RouteConfig(PUBLIC_ROUTE)
  get(@Res() reply: FastifyReply): void {
    this.#document ??= JSON.stringify(openApiDocument());
    void reply.header('content-type', 'application/json; charset=utf-8').send(this.#document);
  }
}
