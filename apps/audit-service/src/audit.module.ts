import { openApiController } from '@keyward/service-host';
import { Module, type DynamicModule } from '@nestjs/common';
import type { AuditService } from './audit-service.js';
import { openApiDocument } from './openapi/document.js';
import { AuditorAuthenticator } from './query/auditor.js';
import { EventQueries } from './query/event-queries.js';
import { EventsController } from './query/events.controller.js';
import { Readings } from './query/readings.js';
import { UsageController } from './usage/usage.controller.js';
import { UsageQueries } from './usage/usage-queries.js';

@Module({ controllers: [EventsController, UsageController, openApiController(openApiDocument)] })
export class AuditModule {
  static over({ auditors, queries, readings, usage }: AuditService): DynamicModule {
    return {
      module: AuditModule,
      providers: [
        { provide: AuditorAuthenticator, useValue: auditors },
        { provide: EventQueries, useValue: queries },
        { provide: Readings, useValue: readings },
        { provide: UsageQueries, useValue: usage },
      ],
    };
  }
}
