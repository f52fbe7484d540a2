import { openApiController } from '@keyward/service-host';
import { Module, type DynamicModule } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AuditService } from './audit-service.js';
import { CheckpointsController } from './checkpoints/checkpoints.controller.js';
import { PublishedKeys } from './checkpoints/signing-key.js';
import { ExportsController } from './export/exports.controller.js';
import { Exports } from './export/exports.js';
import { HoldsController } from './holds/holds.controller.js';
import { Holds } from './holds/holds.js';
import { openApiDocument } from './openapi/document.js';
import { AuditorAuthenticator } from './query/auditor.js';
import { ChainVerification } from './query/chain-verification.js';
import { EventQueries } from './query/event-queries.js';
import { EventsController } from './query/events.controller.js';
import { Readings } from './query/readings.js';
import { UsageController } from './usage/usage.controller.js';
import { UsageQueries } from './usage/usage-queries.js';

@Module({
  controllers: [
    ExportsController,
    EventsController,
    CheckpointsController,
    HoldsController,
    UsageController,
    openApiController(openApiDocument),
  ],
})
export class AuditModule {
  static over({ auditors, queries, readings, usage, chains, exports, holds, keys, database }: AuditService): DynamicModule {
    return {
      module: AuditModule,
      providers: [
        { provide: AuditorAuthenticator, useValue: auditors },
        { provide: EventQueries, useValue: queries },
        { provide: Readings, useValue: readings },
        { provide: UsageQueries, useValue: usage },
        { provide: ChainVerification, useValue: chains },
        { provide: Exports, useValue: exports },
        { provide: Holds, useValue: holds },
        { provide: PublishedKeys, useValue: keys },
        { provide: DataSource, useValue: database },
      ],
    };
  }
}
