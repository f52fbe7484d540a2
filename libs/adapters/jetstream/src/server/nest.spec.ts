import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeywardError, streams, subjects, type DeadLetter } from '@keyward/contracts';
import { testNats, waitFor, type TestNats } from '@keyward/testing';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Controller, Module, type ExceptionFilter, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { throwError } from 'rxjs';
import { connectNats } from '../connect.js';
import { createPublisher } from '../publisher.js';
import { ensureTopology } from '../topology.js';
import type { JetStreamContext } from './context.js';
import { JetStreamServer } from './jetstream-server.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const handled: { payload: unknown; context: JetStreamContext }[] = [];

@Controller()
class SpecController {
  @EventPattern<string>(subjects.executionRequestedAll)
  async handle(@Payload() payload: { fail?: boolean }, @Ctx() context: JetStreamContext): Promise<void> {
    handled.push({ payload, context });
    if (payload.fail === true) throw new KeywardError('unknown_tool', 'There is no such tool.');
  }

  @EventPattern<string>('another.subject')
  another(): void {
    throw new Error('not for this server');
  }
}

@Module({ controllers: [SpecController] })
class SpecModule {}

/** As the service host does it. */
const passThrough: ExceptionFilter = { catch: (thrown: unknown) => throwError(() => thrown) };

describe('JetStreamServer as a Nest transport', () => {
  let nats: TestNats;
  let nc: NatsConnection;
  let jsm: JetStreamManager;
  let app: INestMicroservice;

  beforeAll(async () => {
    nats = await testNats();
    nc = await connectNats({ servers: [nats.url], name: 'nest-spec' });
    jsm = await jetstreamManager(nc);
    await ensureTopology(nc);
    const strategy = new JetStreamServer({
      ...{ nc, logger: quiet, stream: streams.executions, durable: 'executor', filter: subjects.executionRequestedAll },
      ...{ concurrency: 4, ackWaitMs: 5000, maxDeliver: 3 },
    });
    app = await NestFactory.createMicroservice(SpecModule, { strategy, logger: false });
    app.useGlobalFilters(passThrough);
    await app.listen();
  });
  afterAll(async () => {
    await app.close();
    await nc.close();
    await nats.stop();
  });

  const publish = (id: string, payload: object) =>
    createPublisher(nc).publish(subjects.executionRequested('org_a', 'agt_a', 'exe_a'), payload, { msgId: id });

  it('gives messages to the handler of its filter, with their context', async () => {
    await publish('a', { n: 1 });
    await waitFor(() => handled.length === 1);
    expect(handled[0]).toMatchObject({
      payload: { n: 1 },
      context: { subject: 'execution.requested.org_a.agt_a.exe_a', deliveries: 1 },
    });
    await waitFor(async () => (await jsm.streams.info(streams.executions)).state.messages === 0);
  });

  it('sees the error that the handler threw, not the "Internal server error" that Nest makes of it', async () => {
    await publish('b', { fail: true });
    const letter = await waitFor(async () => {
      const { state } = await jsm.streams.info(streams.deadLetters);
      return state.messages === 1 ? jsm.streams.getMessage(streams.deadLetters, { seq: state.last_seq }) : undefined;
    });
    expect(letter.json<DeadLetter>()).toMatchObject({ code: 'unknown_tool', deliveries: 1 });
  });
});
