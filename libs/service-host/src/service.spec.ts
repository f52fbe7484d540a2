import 'reflect-metadata';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { Body, Controller, Get, Header, Module, Param, Post } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { httpConfig } from './config/fragments.js';
import type { ServiceHost } from './host.js';
import { startService, type RunningService } from './start-service.js';

@Controller()
class SpecController {
  @Get('/v1/things/:id')
  get(@Param('id') id: string) {
    return { id, traceId: trace.getActiveSpan()?.spanContext().traceId };
  }

  @Post('/v1/things')
  async post(@Body() body: unknown) {
    await new Promise((resolve) => setImmediate(resolve));
    return { body: body ?? null, traceId: trace.getActiveSpan()?.spanContext().traceId };
  }

  @Get('/unforeseen')
  unforeseen() {
    throw new Error('connect to 10.0.0.7 failed: canary');
  }

  @Get('/foreseen')
  foreseen() {
    throw new KeywardError('rate_limited', 'Too many calls.', { details: { retryAfterMs: 1500 }, cause: new Error('canary') });
  }

  @Get('/locked')
  locked() {
    throw new KeywardError('unauthenticated', 'The key is not valid.');
  }

  @Get('/page')
  @Header('content-security-policy', "default-src 'self'")
  page() {
    return {};
  }
}

@Module({ controllers: [SpecController] })
class SpecModule {}

describe('a service', () => {
  let service: RunningService;
  let host: ServiceHost<unknown>;
  let url: string;

  beforeAll(async () => {
    service = await startService(
      {
        name: 'spec',
        config: { http: httpConfig(0) },
        http: ({ http }) => http,
        module: (given) => {
          host = given;
          return SpecModule;
        },
      },
      { KEYWARD_OPS_PORT: '0', KEYWARD_LOG_LEVEL: 'fatal' },
    );
    url = (await service.started).httpUrl ?? '';
  });
  afterAll(() => service.stop());

  const post = (body: string | Uint8Array, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${url}/v1/things`, { method: 'POST', body, headers });
  const problem = async (response: Response) => (await response.json()) as Record<string, unknown>;

  describe('refuses with a problem', () => {
    it.each([
      ['a body nested 10,000 deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 400, 'invalid_request'],
      ['a body above a mebibyte', `"${'x'.repeat(1_048_576)}"`, 413, 'request_too_large'],
      ['a prototype key', '{"__proto__":{"admin":true}}', 400, 'invalid_request'],
      ['an escaped prototype key', '{"\\u005f_proto__":1}', 400, 'invalid_request'],
      ['text that is no JSON', '{"a":', 400, 'invalid_request'],
      ['bytes that are no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 400, 'invalid_request'],
    ])('%s', async (_what, body, status, code) => {
      const response = await post(body);
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      expect(await problem(response)).toMatchObject({ status, code, type: expect.stringContaining(code) });
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'])(
      'a body of type %s',
      async (type) => {
        const response = await post('a=b', { 'content-type': type });
        expect(await problem(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
      },
    );

    it('an unknown path, and a known one with another method', async () => {
      expect(await problem(await fetch(`${url}/nothing?secret=canary`))).toMatchObject({ status: 404, code: 'not_found' });
      const response = await fetch(`${url}/v1/things/1`, { method: 'DELETE' });
      expect(response.headers.get('allow')).toBe('GET, HEAD');
      expect(await problem(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    });

    it('a malformed URL', async () => {
      const { port } = new URL(url);
      const status = await new Promise<number | undefined>((resolve, reject) => {
        httpRequest({ port, path: '/v1/things/%zz' }, (response) => resolve(response.resume().statusCode))
          .on('error', reject)
          .end();
      });
      expect(status).toBe(400);
    });
  });

  it('takes an announced but empty body as none', async () => {
    expect(await (await post('')).json()).toMatchObject({ body: null });
  });

  it('keeps what it did not foresee to itself, and says under which trace it is logged', async () => {
    const text = await (await fetch(`${url}/unforeseen`)).text();
    expect(JSON.parse(text)).toMatchObject({ status: 500, code: 'internal', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(text).not.toContain('canary');
  });

  it('sends the public part of an error, and the headers that go with it', async () => {
    const limited = await fetch(`${url}/foreseen`);
    expect(limited.headers.get('retry-after')).toBe('2');
    const text = await limited.text();
    expect(JSON.parse(text)).toMatchObject({ status: 429, detail: 'Too many calls.', retryAfterMs: 1500 });
    expect(text).not.toContain('canary');
    expect((await fetch(`${url}/locked`)).headers.get('www-authenticate')).toBe('Bearer');
  });

  it('answers with headers that keep browsers out, unless a page sets its own', async () => {
    const { headers } = await fetch(`${url}/v1/things/1`);
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await fetch(`${url}/page`)).headers.get('content-security-policy')).toBe("default-src 'self'");
  });

  it('continues the trace of the caller, through the body and what is awaited', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    expect(await (await post('{"a":1}', { 'content-type': 'application/json', traceparent })).json()).toMatchObject({ traceId });
    expect(await problem(await fetch(`${url}/nothing`, { headers: { traceparent } }))).toMatchObject({ traceId });
  });

  it('starts a trace of its own when the caller sends none, or nonsense', async () => {
    for (const headers of [{}, { traceparent: '00-zz' }, { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }]) {
      const { traceId } = (await (await fetch(`${url}/v1/things/1`, { headers })).json()) as { traceId: string };
      expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    }
  });

  it('measures requests by route template, never by path', async () => {
    await fetch(`${url}/v1/things/org_secret`);
    const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
    expect(metrics).toMatch(/http_request_duration_seconds_count\{[^}]*route="\/v1\/things\/:id"[^}]*\} \d+/);
    expect(metrics).toContain('process_resident_memory_bytes');
    expect(metrics).toContain('nodejs_eventloop_lag_seconds');
    expect(metrics).not.toContain('org_secret');
    expect(metrics).toMatch(/^build_info\{version="\d+\.\d+\.\d+[^"]*",service="spec"\} 1$/m);
  });

  it('gives its metrics as OpenMetrics to a scraper that would rather have it, without changing what others get', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
    const open = await fetch(`${service.opsUrl}/metrics`, { headers: { accept } });
    expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(await open.text()).toMatch(/^# TYPE process_cpu_seconds counter$[^]*\n# EOF\n$/m);
    const plain = await fetch(`${service.opsUrl}/metrics`);
    expect(plain.headers.get('content-type')).toContain('text/plain');
    expect(await plain.text()).toMatch(/^# TYPE process_cpu_seconds_total counter$/m);
  });

  it('measures what strangers make up under one name each: paths and methods', async () => {
    await fetch(`${url}/made-up-${Math.random()}`);
    await fetch(`${url}/v1/things/1`, { method: 'PROPFIND' });
    const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
    expect(metrics).not.toMatch(/made-up|PROPFIND/);
    expect(metrics).toMatch(/http_request_duration_seconds_count\{[^}]*route="unmatched"/);
    expect(metrics).toMatch(/http_request_duration_seconds_count\{[^}]*method="_OTHER"/);
  });

  it('is ready only while every check passes, and names the one that does not without its text', async () => {
    let fail = false;
    host.addReadiness('database', () => {
      if (fail) throw Object.assign(new Error('password canary'), { code: 'ECONNREFUSED' });
    });
    const ready = async () => {
      const response = await fetch(`${service.opsUrl}/readyz`);
      return { status: response.status, text: await response.text() };
    };
    expect((await ready()).status).toBe(200);
    fail = true;
    const failing = await ready();
    expect(failing.status).toBe(503);
    expect(JSON.parse(failing.text)).toMatchObject({
      ready: false,
      checks: [{ name: 'database', ok: false, reason: 'ECONNREFUSED' }],
    });
    expect(failing.text).not.toContain('canary');
    expect((await fetch(`${service.opsUrl}/healthz`)).status).toBe(200);
    fail = false;
    expect((await ready()).status).toBe(200);
  });

  it('has nothing else on its operations port', async () => {
    expect((await fetch(`${service.opsUrl}/v1/things/1`)).status).toBe(404);
    expect((await fetch(`${service.opsUrl}/metrics`, { method: 'POST' })).status).toBe(405);
  });
});
