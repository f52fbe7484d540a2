import { openApiController } from '@keyward/service-host';
import { Module, type DynamicModule } from '@nestjs/common';
import type { AuditService } from './audit-service.js';
import { openApiDocument } from './openapi/document.js';
import { AuditorAuthenticator } from './query/auditor.js';
import { EventQueries } from './query/event-queries.js';
import { EventsController } from './query/events.controller.js';
import { Readings } from './query/readings.js';

@Module({ controllers: [EventsController, openApiController(openApiDocument)] })
export class AuditModule {
  static over({ auditors, queries, readings }: AuditService): DynamicModule {
    return {
      module: AuditModule,
      providers: [
        { provide: AuditorAuthenticator, useValue: auditors },
        { provide: EventQueries, useValue: queries },
        { provide: Readings, useValue: readings },
      ],
    };
  }
}
