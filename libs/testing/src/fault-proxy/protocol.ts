/** Cuts a stream of bytes into the messages of a protocol. Whatever is not complete yet stays inside. */
export interface Framer {
  push(chunk: Buffer): Buffer[];
}

/** What a proxy must know of a protocol to act on one request and its answer, and on nothing else. */
export interface Protocol {
  /** A frame is what the server answers as one. */
  requests(): Framer;
  answers(): Framer;
  /** What a frame from the server is to the request that is waiting for its answer. */
  relation(request: Buffer, answer: Buffer): 'unrelated' | 'part' | 'last';
}

/** Bytes that have arrived and belong to no complete message yet. */
export class Rest {
  #bytes: Buffer = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** @returns undefined while there are fewer. */
  take(length: number): Buffer | undefined {
    if (this.#bytes.length < length) return undefined;
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

/** @param next the next complete message, taken out of the rest; undefined while there is none */
export function framer(next: (rest: Rest) => Buffer | undefined): Framer {
  const rest = new Rest();
  return {
    push: (chunk) => {
      rest.add(chunk);
      const frames: Buffer[] = [];
      for (let frame = next(rest); frame !== undefined; frame = next(rest)) frames.push(frame);
      return frames;
    },
  };
}
