import type { IncomingMessage } from 'node:http';
import type { Disorder } from './order.js';
import { limitHeaders } from './limit-headers.js';
import type { Answer, SpoilableResponse } from './spoilable-response.js';

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };

/** Lets a request go wrong; `next` carries it out, where that belongs to it. */
export function spoil(disorder: Disorder, request: IncomingMessage, response: SpoilableResponse, next: () => void): void {
  const { socket } = request;
  const afterwards = (spoilt: (answer: Answer) => void, replaces = false) => {
    response.spoiler = { spoil: spoilt, replaces };
    next();
  };
  switch (disorder.kind) {
    case 'limit': {
      const headers = { ...JSON_TYPE, ...limitHeaders(disorder.style, disorder.seconds) };
      return void response.writeHead(disorder.status, headers).end(said('rate_limited', 'Too many requests, as ordered.'));
    }
    case 'fail': {
      const { status, retryAfterSeconds: seconds } = disorder;
      const headers = { ...JSON_TYPE, ...(seconds === undefined ? {} : limitHeaders('retry-after', seconds)) };
      const body = said('ordered_failure', `Answered ${status}, as ordered.`);
      if (disorder.processed) return afterwards(({ replace }) => replace(status, headers, body), true);
      return void response.writeHead(status, headers).end(body);
    }
    case 'slow':
      return afterwards(({ body, end }) => void later(() => end(body), disorder.ms));
    case 'cut':
      return afterwards((answer) => cut(disorder.style, answer, () => socket.destroy()));
    case 'reset':
      if (disorder.processed) return afterwards(() => void socket.resetAndDestroy());
      return void socket.resetAndDestroy();
    case 'silence': {
      const hangUp = () => void later(() => socket.destroy(), disorder.ms);
      if (disorder.processed) return afterwards(hangUp);
      request.resume();
      return hangUp();
    }
  }
}

function cut(style: Extract<Disorder, { kind: 'cut' }>['style'], { body, write, end }: Answer, hangUp: () => void): void {
  const half = body.subarray(0, Math.floor(body.length / 2));
  switch (style) {
    case 'closed':
      return write(half, hangUp);
    case 'stalled':
      return write(half);
    case 'excess':
      write(body);
      return end(Buffer.from('{"more":"than was said"}'));
  }
}

function said(error: string, message: string): string {
  return JSON.stringify({ error, message });
}

/** Does not keep the process alive. */
function later(act: () => void, ms: number): void {
  setTimeout(act, ms).unref();
}
