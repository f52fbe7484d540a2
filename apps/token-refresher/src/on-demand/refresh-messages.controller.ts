import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import {
  asKeywardError,
  parseOrThrow,
  refreshRequestSchema,
  subjects,
  toProblem,
  type KeywardError,
  type RefreshReply,
} from '@keyward/contracts';
import type { JetStreamContext } from '@keyward/jetstream';
import { trace } from '@opentelemetry/api';
import { OnDemand } from './on-demand.js';

@Controller()
export class RefreshMessages {
  constructor(private readonly onDemand: OnDemand) {}

  /** @throws KeywardError so that the message comes again where the store is away or this process is stopping. */
  @EventPattern<string>(subjects.credentialRefreshAll)
  async handle(@Payload() payload: unknown, @Ctx() context: JetStreamContext): Promise<void> {
    const request = parseOrThrow(refreshRequestSchema, payload, 'refresh request');
    try {
      const outcome = await this.onDemand.refresh(request, context.signal);
      await context.reply(
        outcome.kind === 'refreshed' ? { outcome: 'refreshed', generation: outcome.generation } : failed(outcome.error),
      );
    } catch (thrown) {
      const error = asKeywardError(thrown);
      if (error.code !== 'deadline_exceeded') throw error;
      await context.reply(failed(error));
    }
  }
}

export function failed(error: KeywardError): RefreshReply {
  return { outcome: 'failed', error: toProblem(error, trace.getActiveSpan()?.spanContext().traceId) };
}
