import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, Trap } from './fault.js';
import type { Protocol } from './protocol.js';

interface Withheld {
  trap: Trap;
  request: Buffer;
  answer: Buffer[];
}

/** Told of every request that a client sent, with the last frame of the answer; undefined: the client was sent none, or not all of it. */
export type OnExchange = (request: Buffer, answer: Buffer | undefined) => void;

/** One connection through the proxy: a client's, and one of its own to the server. */
export class Session {
  readonly #upstream: Socket;
  #withheld: Withheld | undefined;
  /** Sent by the client, and its answer not yet passed on. */
  #unanswered: Buffer | undefined;
  #hanging: (() => void) | undefined;
  readonly ended: Promise<void>;

  constructor(
    private readonly client: Socket,
    private readonly protocol: Protocol,
    target: { host: string; port: number },
    private readonly trapFor: (request: Buffer) => Trap | undefined,
    private readonly onExchange: OnExchange,
  ) {
    this.#upstream = connect(target);
    for (const socket of [client, this.#upstream]) {
      socket.setNoDelay(true);
      // A broken connection is what this is for; the loops below end with it.
      socket.on('error', () => undefined);
      // Also where nobody reads just now: a client that dies while its request is held must not live on at the server.
      socket.on('close', () => this.close());
    }
    this.ended = Promise.all([this.#fromClient(), this.#fromServer()]).then(() => {
      if (this.#unanswered !== undefined) onExchange(this.#unanswered, undefined);
    });
  }

  close(): void {
    this.client.destroy();
    this.#upstream.destroy();
    this.#hanging?.();
  }

  /** Ends it where it hangs. */
  closeHanging(): void {
    if (this.#hanging !== undefined) this.close();
  }

  async #fromClient(): Promise<void> {
    const framer = this.protocol.requests();
    try {
      for await (const chunk of this.client) {
        for (const request of framer.push(chunk as Buffer)) await this.#request(request);
      }
    } catch {
      // The connection broke.
    }
    this.close();
  }

  async #request(request: Buffer): Promise<void> {
    const trap = this.trapFor(request);
    this.#unanswered = request;
    if (trap?.rule.fault.at === 'request') {
      trap.hit();
      await this.#apply(trap.rule.fault, []);
    }
    if (trap?.rule.fault.at === 'answer') this.#withheld = { trap, request, answer: [] };
    if (!this.#upstream.destroyed) this.#upstream.write(request);
  }

  async #fromServer(): Promise<void> {
    const framer = this.protocol.answers();
    try {
      for await (const chunk of this.#upstream) {
        for (const frame of framer.push(chunk as Buffer)) await this.#answer(frame);
      }
    } catch {
      // The connection broke.
    }
    this.close();
  }

  async #answer(frame: Buffer): Promise<void> {
    const withheld = this.#withheld;
    const relation = withheld === undefined ? 'unrelated' : this.protocol.relation(withheld.request, frame);
    if (withheld === undefined || relation === 'unrelated') return this.#passOn(frame);
    withheld.answer.push(frame);
    if (relation !== 'last') return;
    this.#withheld = undefined;
    if (!withheld.trap.keeps(Buffer.concat(withheld.answer))) {
      for (const one of withheld.answer) this.#passOn(one);
      return;
    }
    withheld.trap.hit();
    await this.#apply(withheld.trap.rule.fault, withheld.answer);
  }

  async #apply(fault: Fault, answer: readonly Buffer[]): Promise<void> {
    switch (fault.then) {
      case 'close':
        return this.close();
      case 'half': {
        const whole = Buffer.concat(answer);
        // As much as was promised is never sent, so the reader knows that something is missing; it must arrive before the end does.
        await new Promise<void>((sent) => this.client.end(whole.subarray(0, Math.ceil(whole.length / 2)), () => sent()));
        return this.close();
      }
      case 'hang': {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#hanging = resolve;
        if (this.client.destroyed) resolve();
        return promise;
      }
      case 'delay':
        await delay(fault.ms);
        for (const frame of answer) this.#passOn(frame);
    }
  }

  #passOn(frame: Buffer): void {
    if (this.client.destroyed) return;
    this.client.write(frame);
    const request = this.#unanswered;
    if (request === undefined || this.protocol.relation(request, frame) !== 'last') return;
    this.#unanswered = undefined;
    this.onExchange(request, frame);
  }
}
