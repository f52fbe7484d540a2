import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createEgress, type EgressError } from '@keyward/egress';
import { rawServer } from '@keyward/testing/hostile-server';
import { failureOf, requestTo } from './requests.js';

const MAX_BYTES = 1_048_576;
const GIGABYTE = 1_073_741_824;
/** What may be on its way in the buffers of both ends when the reader hangs up. */
const IN_FLIGHT = 32 * MAX_BYTES;
const DEADLINE_MS = 250;

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

/** How a request ends whose answer is whatever `write` puts on the connection, and how much of it was written. */
async function ending(write: (socket: Socket) => void, timeoutMs = 5_000): Promise<{ error: EgressError; written: number }> {
  let written = 0;
  const server = await rawServer((socket) => {
    socket.once('close', () => (written = socket.bytesWritten));
    write(socket);
  });
  ({ stop } = server);
  const egress = createEgress({ privateOrigins: [server.origin] });
  const error = await failureOf(egress.send(requestTo(`${server.origin}/`, { timeoutMs, maxBytes: MAX_BYTES })));
  await egress.close();
  return { error, written };
}

/** Writes a piece again and again, as fast as it is taken, up to a gigabyte. */
function flood(socket: Socket, piece: string): void {
  let left = GIGABYTE;
  const more = () => {
    while (left > 0 && socket.writable) {
      left -= piece.length;
      if (!socket.write(piece)) return void socket.once('drain', more);
    }
  };
  more();
}

const head = (fields: string) => `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`;

describe('an answer without bounds', () => {
  it.each<[string, string, string]>([
    ['a header of a gigabyte', 'HTTP/1.1 200 OK\r\nx-long: ', 'a'.repeat(65_536)],
    ['a gigabyte of headers', 'HTTP/1.1 200 OK\r\n', `x-many: ${'a'.repeat(4_000)}\r\n`],
    ['a name of a header of a gigabyte', 'HTTP/1.1 200 OK\r\n', 'a'.repeat(65_536)],
    ['a body of a gigabyte that was not announced', head('connection: close'), 'a'.repeat(65_536)],
    ['a chunk of a gigabyte', `${head('transfer-encoding: chunked')}40000000\r\n`, 'a'.repeat(65_536)],
    ['a gigabyte in chunks', head('transfer-encoding: chunked'), `1000\r\n${'a'.repeat(4_096)}\r\n`],
  ])('ends early: %s', async (_what, before, piece) => {
    const { error, written } = await ending((socket) => {
      socket.write(before);
      flood(socket, piece);
    });
    expect(error.code).toBe('response_too_large');
    expect(written).toBeLessThan(IN_FLIGHT);
  });

  it('ends before its body where it announces too much', async () => {
    const { error } = await ending((socket) => void socket.write(head(`content-length: ${GIGABYTE}`)));
    expect(error.code).toBe('response_too_large');
  });
});

describe('a bomb', () => {
  const zeros = Buffer.alloc(64 * MAX_BYTES);
  it.each([
    ['gzip', gzipSync(zeros)],
    ['deflate', deflateSync(zeros)],
    ['br', brotliCompressSync(zeros, { params: { 1: 1 } })],
  ])('of %s is not unpacked further than the bound', async (coding, bomb) => {
    expect(bomb.length).toBeLessThan(MAX_BYTES);
    const { error } = await ending((socket) => {
      socket.write(head(`content-encoding: ${coding}\r\ncontent-length: ${bomb.length}`));
      socket.write(bomb);
    });
    expect(error.code).toBe('response_too_large');
  });

  it('in a bomb is not unpacked at all', async () => {
    const bomb = gzipSync(gzipSync(zeros));
    const { error } = await ending((socket) => {
      socket.write(head(`content-encoding: gzip, gzip\r\ncontent-length: ${bomb.length}`));
      socket.write(bomb);
    });
    expect(error.code).toBe('provider_unavailable');
  });
});

describe('an answer that takes its time', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => undefined],
    ['stops in its headers', (socket) => void socket.write('HTTP/1.1 200 OK\r\nx-half')],
    ['stops in a chunk', (socket) => void socket.write(`${head('transfer-encoding: chunked')}10\r\nhalf a`)],
    ['stops between chunks', (socket) => void socket.write(`${head('transfer-encoding: chunked')}1\r\na\r\n`)],
    [
      'comes byte by byte',
      (socket) => {
        socket.write(head('content-length: 100000'));
        const drip = setInterval(() => socket.write('a'), 5);
        socket.once('close', () => clearInterval(drip));
      },
    ],
    [
      'says only that it is coming',
      (socket) => {
        const hints = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
        socket.once('close', () => clearInterval(hints));
      },
    ],
  ])('ends at the deadline, however it does: it %s', async (_how, write) => {
    const began = performance.now();
    const { error } = await ending(write, DEADLINE_MS);
    expect(error).toMatchObject({ code: 'deadline_exceeded', requestMayHaveBeenProcessed: true });
    expect(performance.now() - began).toBeLessThan(10 * DEADLINE_MS);
  });
});
