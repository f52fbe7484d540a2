import { Catalogs } from '@keyward/connectors';
import { openApiController } from '@keyward/service-host';
import { Module, type DynamicModule } from '@nestjs/common';
import { ArtifactReader } from './artifacts/artifact-reader.js';
import { ConnectSessions } from './connections/connect-sessions.js';
import { Connections } from './connections/connections.js';
import { ArtifactsController } from './doors/http/artifacts.controller.js';
import { ConnectionsController } from './doors/http/connections.controller.js';
import { ExecutionsController } from './doors/http/executions.controller.js';
import { ToolsController } from './doors/http/tools.controller.js';
import { Executions } from './execute/executions.js';
import { Standing } from './execute/standing.js';
import type { Gateway } from './gateway.js';
import { Authenticator } from './identity/authenticator.js';
import { openApiDocument } from './openapi/document.js';
import { Assignments } from './tools/assignments.js';

@Module({
  controllers: [
    ToolsController,
    ExecutionsController,
    ArtifactsController,
    ConnectionsController,
    openApiController(openApiDocument),
  ],
})
export class GatewayModule {
  static over(gateway: Gateway): DynamicModule {
    return {
      module: GatewayModule,
      providers: [
        { provide: ArtifactReader, useValue: gateway.artifacts },
        { provide: Authenticator, useValue: gateway.authenticator },
        { provide: Assignments, useValue: gateway.assignments },
        { provide: Catalogs, useValue: gateway.catalogs },
        { provide: Connections, useValue: gateway.connections },
        { provide: ConnectSessions, useValue: gateway.sessions },
        { provide: Executions, useValue: gateway.executions },
        { provide: Standing, useValue: gateway.standing },
      ],
    };
  }
}
