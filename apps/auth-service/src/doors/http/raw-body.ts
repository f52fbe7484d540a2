import { Transform, type TransformCallback } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const kept = new WeakMap<FastifyRequest, Tap>();

/** Lets a body through and remembers it. `receivedEncodedLength` is what Fastify compares with Content-Length. */
class Tap extends Transform {
  readonly chunks: Buffer[] = [];
  receivedEncodedLength = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.chunks.push(chunk);
    this.receivedEncodedLength += chunk.byteLength;
    done(null, chunk);
  }
}

/** Keeps the bytes of bodies at these routes: a signature is over bytes, not over what they mean. The body limit bounds them as ever. */
export function keepRawBodies(instance: FastifyInstance, routes: readonly string[]): void {
  instance.addHook('preParsing', (request, _reply, payload, done) => {
    if (!routes.includes(request.routeOptions.url ?? '')) return done(null, payload);
    const tap = new Tap();
    kept.set(request, tap);
    payload.once('error', (error: Error) => tap.destroy(error));
    done(null, payload.pipe(tap));
  });
}

/** Undefined where there was no body. */
export function rawBodyOf(request: FastifyRequest): Buffer | undefined {
  const chunks = kept.get(request)?.chunks ?? [];
  return chunks.length === 0 ? undefined : Buffer.concat(chunks);
}
