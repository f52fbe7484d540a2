import { describe, expect, it } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { Logger } from 'pino';
import { createLogger } from './logger.js';

function capture(write: (logger: Logger) => void, level = 'info') {
  const lines: string[] = [];
  const logger = createLogger('spec', level, { write: (line) => void lines.push(line) });
  write(logger);
  return { text: lines.join(''), lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log', () => {
  it('is one JSON object a line, with time, level and service', () => {
    const { lines } = capture((logger) => logger.info({ route: '/v1/tools' }, 'request'));
    expect(lines).toEqual([expect.objectContaining({ level: 'info', service: 'spec', route: '/v1/tools', message: 'request' })]);
    expect(Date.parse(String(lines[0]?.['time']))).not.toBeNaN();
  });

  it('carries the ids of the active trace', () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const spanContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0 };
    const { lines } = capture((logger) =>
      context.with(trace.setSpanContext(context.active(), spanContext), () => logger.info('inside')),
    );
    expect(lines[0]).toMatchObject({ trace_id: spanContext.traceId, span_id: spanContext.spanId });
    context.disable();
  });

  it('redacts members that hold a secret, at the top and one level down', () => {
    const { text } = capture((logger) => {
      logger.info({ authorization: 'Bearer canary', headers: { authorization: 'Bearer canary', 'set-cookie': 'canary' } });
      logger.info({
        refresh_token: 'canary',
        connection: { accessToken: 'canary', clientSecret: 'canary' },
        'set-cookie': 'canary',
      });
    });
    expect(text).not.toContain('canary');
    expect(text).toContain('[redacted]');
  });

  it('logs of an error its text, code and causes, and nothing that a driver hung on it', () => {
    const cause = Object.assign(new Error('insert failed'), {
      code: '23505',
      detail: 'Key (token)=(canary)',
      parameters: ['canary'],
    });
    const { text, lines } = capture((logger) => logger.error({ err: new Error('could not store', { cause }) }, 'failed'));
    expect(lines[0]?.['err']).toMatchObject({ message: 'could not store', cause: { message: 'insert failed', code: '23505' } });
    expect(text).not.toContain('canary');
  });

  it('takes credentials out of the texts of errors', () => {
    const { text } = capture((logger) => {
      logger.error({ err: new Error('connect to postgres://keyward:canary@db/keyward failed') });
      logger.error({ err: new Error('sent Authorization: Bearer canary.canary-canary_ and Basic Y2FuYXJ5') });
    });
    expect(text).not.toMatch(/canary|Y2FuYXJ5/);
    expect(text).toContain('postgres://[redacted]@db/keyward');
  });

  it('survives a chain of causes without an end, and things thrown that are no errors', () => {
    const cyclic: Error = new Error('round');
    cyclic.cause = cyclic;
    const { lines } = capture((logger) => {
      logger.error({ err: cyclic });
      logger.error({ err: { password: 'canary' } });
      logger.error({ err: new AggregateError([new Error('one'), new Error('two')], 'both') });
    });
    expect(lines.length).toBe(3);
    expect(lines[1]?.['err']).toEqual({ type: 'object', message: 'not an Error' });
    expect(lines[2]?.['err']).toMatchObject({ errors: [{ message: 'one' }, { message: 'two' }] });
  });
});
