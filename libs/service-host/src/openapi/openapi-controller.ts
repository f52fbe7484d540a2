import { Controller, Get, Res, type Type } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { PUBLIC_ROUTE } from '../limits/limit-public-routes.js';
import type { JsonSchema } from './json-schema.js';

/** `GET /openapi.json` of a door. @param document made when it is asked for first */
export function openApiController(document: () => JsonSchema): Type {
  let body: string | undefined;

  @Controller('openapi.json')
  class OpenApiController {
    /** Public: it says nothing about any organization. */
    @Get()
    @RouteConfig(PUBLIC_ROUTE)
    get(@Res() reply: FastifyReply): void {
      body ??= JSON.stringify(document());
      void reply.header('content-type', 'application/json; charset=utf-8').send(body);
    }
  }
  return OpenApiController;
}
