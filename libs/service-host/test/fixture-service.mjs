import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import { adminConfig, httpConfig, runService } from '../src/index.ts';

/** A service as any other, but for what it is told on its command line. */
const [mode] = process.argv.slice(2);

class SlowController {
  async slow() {
    process.stdout.write('{"message":"slow begins"}\n');
    await delay(500);
    return { ended: true };
  }

  fail() {
    throw new Error('broken inside');
  }
}
Controller()(SlowController);
Get('/slow')(SlowController.prototype, 'slow', Object.getOwnPropertyDescriptor(SlowController.prototype, 'slow'));

Get('/fail')(SlowController.prototype, 'fail', Object.getOwnPropertyDescriptor(SlowController.prototype, 'fail'));

class FixtureModule {}

/** Stands where a JetStream consumer does: what it has in hand is done before anything else closes. */
class MessageDoor {
  constructor(logger) {
    this.logger = logger;
  }

  listen(opened) {
    opened();
  }

  close() {
    this.closed ??= delay(50).then(() => this.logger.info('message door closed'));
    return this.closed;
  }
}

await runService({
  name: 'fixture',
  config: { http: httpConfig(0), admin: adminConfig },
  http: ({ http }) => http,
  strategies: ({ logger }) => [new MessageDoor(logger)],
  module: async (host) => {
    if (mode === 'absent')
      await host.waitFor('postgres', () => Promise.reject(new Error('connect ECONNREFUSED postgres://u:hunter2@db')));
    if (mode === 'broken') throw new Error('cannot be assembled');
    if (mode === 'stuck') host.onDrain('stuck', () => new Promise(() => undefined));
    host.onDrain('first', () => host.logger.info('first closed'));
    host.onDrain('second', () => host.logger.info('second closed'));
    if (mode === 'crash') void delay(200).then(() => Promise.reject(new Error('nobody caught this')));
    return { module: FixtureModule, controllers: [SlowController] };
  },
});
