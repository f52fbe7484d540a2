import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { subjects } from '@keyward/contracts';
import type { JetStreamContext } from '@keyward/jetstream';
import { Executor } from '../executor.js';

@Controller()
export class ExecutionsController {
  constructor(private readonly executor: Executor) {}

  /** Returning acknowledges the message; throwing lets it come again, or makes it a dead letter where that can't help. */
  @EventPattern<string>(subjects.executionRequestedAll)
  handle(@Payload() payload: unknown, @Ctx() context: JetStreamContext): Promise<void> {
    return this.executor.handle(payload, context);
  }
}
