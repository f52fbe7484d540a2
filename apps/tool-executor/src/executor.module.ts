import { Module, type DynamicModule } from '@nestjs/common';
import { ExecutionsController } from './bus/executions.controller.js';
import { Executor } from './executor.js';

@Module({ controllers: [ExecutionsController] })
export class ExecutorModule {
  static over(executor: Executor): DynamicModule {
    return { module: ExecutorModule, providers: [{ provide: Executor, useValue: executor }] };
  }
}
