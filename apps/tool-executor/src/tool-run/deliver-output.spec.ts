import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newId, type ArtifactHandle } from '@keyward/contracts';
import { Call } from '../execute/call.js';
import { receivedFrom } from '../provider/output.js';
import { deliverOutput } from './deliver-output.js';

const call = new Call({
  ...{
    id: newId('exe'),
    org: newId('org'),
    agent: newId('agt'),
    tool: 'acme_get',
    arguments: {},
    user: 'usr_ada',
    dryRun: false,
  },
  ...{ requestedAt: new Date().toISOString(), timeoutMs: 1_000 },
});

const answered = (body: string | Buffer, contentType = 'application/json') => ({
  status: 200,
  headers: { 'content-type': contentType },
  body: Buffer.from(body as string),
});

interface Options {
  maxBytes?: number;
  readAs?: 'json' | 'bytes';
  /** What the tool makes of the body. */
  select?: (body: unknown) => unknown;
  keeps?: boolean;
}

async function deliver(answer: ReturnType<typeof answered>, { maxBytes = 100, readAs = 'json', select, keeps = false }: Options) {
  const kept: { body: string; contentType: string }[] = [];
  const handle = (body: Buffer, contentType: string): ArtifactHandle => ({
    artifact: {
      ...{ id: newId('art'), contentType, bytes: body.length, expiresAt: new Date().toISOString() },
      sha256: createHash('sha256').update(body).digest('hex'),
    },
  });
  const artifacts = {
    keep: async (_owner: unknown, body: Buffer, contentType: string) => {
      kept.push({ body: body.toString(), contentType });
      return handle(body, contentType);
    },
  };
  const received = receivedFrom(answer, readAs);
  const output = select === undefined ? received.answer.body : select(received.answer.body);
  const parts = { artifacts: keeps ? artifacts : null, maxOutputBytes: maxBytes };
  return { output: await deliverOutput(parts, call, output, received), kept };
}

describe('what a tool made of the answer', () => {
  it('is the output itself where the bus carries it', async () => {
    expect(await deliver(answered('{"a":1}'), { keeps: true })).toEqual({ output: { a: 1 }, kept: [] });
    expect((await deliver(answered('{}'), { select: () => 'x'.repeat(98) })).output).toHaveLength(98);
  });

  it.each<[string, ReturnType<typeof answered>, Options]>([
    ['as it will be written, not as it came', answered('\u0001'.repeat(1000), 'text/plain'), { maxBytes: 5_900 }],
    ['also where it is more than the answer was', answered('{}'), { select: () => 'x'.repeat(99) }],
    ['as base64', answered(Buffer.alloc(60), 'image/png'), { readAs: 'bytes' }],
  ])('is too large %s, where nothing is kept', async (_how, answer, options) => {
    await expect(deliver(answer, options)).rejects.toMatchObject({ code: 'response_too_large' });
  });

  it('is kept where it is too large for the bus, and the output says where', async () => {
    const { output, kept } = await deliver(answered(`["${'x'.repeat(200)}"]`), { keeps: true });
    expect(output).toMatchObject({ artifact: { contentType: 'application/json', bytes: 204 } });
    expect(kept).toEqual([{ body: `["${'x'.repeat(200)}"]`, contentType: 'application/json' }]);
  });

  it('is a file in the result where it is small, and kept as what it is where it is not', async () => {
    const small = await deliver(answered('abc', 'text/csv'), { readAs: 'bytes', keeps: true });
    expect(small).toEqual({ output: { contentType: 'text/csv', base64: 'YWJj' }, kept: [] });
    const large = answered('x'.repeat(40_000), 'text/csv');
    const { output, kept } = await deliver(large, { readAs: 'bytes', keeps: true, maxBytes: 1_000_000 });
    expect(output).toMatchObject({ artifact: { contentType: 'text/csv', bytes: 40_000 } });
    expect(kept).toEqual([{ body: 'x'.repeat(40_000), contentType: 'text/csv' }]);
    expect((await deliver(large, { readAs: 'bytes', maxBytes: 1_000_000 })).output).toHaveProperty('base64');
  });
});
