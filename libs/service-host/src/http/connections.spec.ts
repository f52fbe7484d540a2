import 'reflect-metadata';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { httpConfig } from '../config/fragments.js';
import { startService } from '../start-service.js';

const asked = Promise.withResolvers<void>();
const answer = Promise.withResolvers<{ ended: boolean }>();

@Controller()
class SlowController {
  @Get('/slow')
  slow() {
    asked.resolve();
    return answer.promise;
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

describe('a service that stops', () => {
  it('waits for no connection that asks nothing, or half of something, and answers what it was asked', async () => {
    const service = await startService(
      { name: 'spec', config: { http: httpConfig(0) }, http: ({ http }) => http, module: () => SlowModule },
      { KEYWARD_OPS_PORT: '0', KEYWARD_LOG_LEVEL: 'fatal' },
    );
    const { httpUrl = '' } = await service.started;
    const port = Number(new URL(httpUrl).port);
    const [silent, half] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all([once(silent, 'connect'), once(half, 'connect')]);
    half.write('GET /slow HTTP/1.1\r\nhost: x\r\n');
    const slow = fetch(`${httpUrl}/slow`);
    await asked.promise;
    const hungUp = Promise.all([silent, half].map((socket) => once(socket.resume(), 'close')));
    const stopped = service.stop();
    await hungUp;
    answer.resolve({ ended: true });
    expect(await (await slow).json()).toEqual({ ended: true });
    await stopped;
  });
});
