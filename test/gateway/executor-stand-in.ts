import {
  executionRequests,
  headers,
  streams,
  subjects,
  type CancelReply,
  type ExecutionAddress,
  type ExecutionRequested,
  type ExecutionResult,
  type WaitingReply,
} from '@keyward/contracts';
import { AckPolicy, jetstream, jetstreamManager, type ConsumerMessages } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

export interface Taken {
  requested: ExecutionRequested;
  /** All headers of the message as it lay in the stream. */
  headers: Record<string, string>;
}

/** Resolves to the outcome; undefined: never answers. */
export type Behaviour = (requested: ExecutionRequested) => Promise<Partial<ExecutionResult> | undefined>;

/** Takes executions off the real stream and answers as tool-executor does: kept result first, then the reply, then the ack. */
export class ExecutorStandIn {
  readonly taken: Taken[] = [];
  /** False: the outcome is kept, but its reply gets lost. */
  replies = true;
  behaviour: Behaviour = async () => ({ state: 'succeeded', output: { ok: true } });

  /** What it says of executions that it is asked about. */
  waiting: (address: ExecutionAddress) => WaitingReply = () => ({ outcome: 'absent' });
  cancel: (address: ExecutionAddress) => CancelReply = () => ({ outcome: 'noted' });
  readonly cancelled: ExecutionAddress[] = [];

  private constructor(
    private readonly nc: NatsConnection,
    private readonly messages: ConsumerMessages,
  ) {}

  static async start(nc: NatsConnection): Promise<ExecutorStandIn> {
    const manager = await jetstreamManager(nc);
    await manager.consumers.add(streams.executions, { durable_name: 'tool-executor', ack_policy: AckPolicy.Explicit });
    const consumer = await jetstream(nc).consumers.get(streams.executions, 'tool-executor');
    const standIn = new ExecutorStandIn(nc, await consumer.consume({ max_messages: 100 }));
    void standIn.run();
    const answers = (subject: string, answer: (address: ExecutionAddress) => object) =>
      nc.subscribe(subject, {
        callback: (_error, message) => void message.respond(JSON.stringify(answer(message.json<ExecutionAddress>()))),
      });
    answers(executionRequests.waiting, (address) => standIn.waiting(address));
    answers(executionRequests.cancel, (address) => (standIn.cancelled.push(address), standIn.cancel(address)));
    return standIn;
  }

  async stop(): Promise<void> {
    await this.messages.close();
  }

  private async run(): Promise<void> {
    for await (const message of this.messages) {
      const requested = message.json<ExecutionRequested>();
      const sent = Object.fromEntries((message.headers?.keys() ?? []).map((name) => [name, message.headers?.get(name) ?? '']));
      this.taken.push({ requested, headers: sent });
      void this.answer(requested, sent[headers.replyTo]).then((isAnswered) => isAnswered && message.ack());
    }
  }

  private async answer(requested: ExecutionRequested, replyTo: string | undefined): Promise<boolean> {
    const outcome = await this.behaviour(requested);
    if (outcome === undefined) return false;
    const { id, org, agent, tool } = requested;
    const result = { id, tool, connection: null, attempts: 1, durationMs: 1, traceId: 'c'.repeat(32), ...outcome };
    const bytes = JSON.stringify(result);
    await jetstream(this.nc).publish(subjects.executionCompleted(org, agent, id), bytes, { msgID: id });
    if (replyTo !== undefined && this.replies) this.nc.publish(replyTo, bytes);
    return true;
  }
}
