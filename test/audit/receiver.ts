import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuditRecord } from '@keyward/contracts';

export interface Received {
  headers: IncomingMessage['headers'];
  body: Buffer;
}

type Answer = (response: ServerResponse, received: Received) => void;

/** A receiver of the trail that is ours, and behaves as it is told. */
export class Receiver {
  readonly requests: Received[] = [];
  /** Of the requests that were answered 2xx in full. */
  readonly taken: Received[] = [];
  #answer: Answer = (response) => void response.writeHead(200).end();

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(port = 0): Promise<Receiver> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new Receiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/audit?token-of-url=1`);
    server.on('request', (request, response) => void receiver.#receive(request, response));
    return receiver;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** From now on. Without an argument: 200. */
  answers(answer: Answer | number = 200): void {
    this.#answer = typeof answer === 'number' ? (response) => void response.writeHead(answer).end() : answer;
  }

  /** Of format json, in the order in which they were taken. */
  get records(): AuditRecord[] {
    return this.taken.flatMap(({ body }) => JSON.parse(body.toString()) as AuditRecord[]);
  }

  /** Sequence numbers of an organization, in the order in which they were taken. */
  seqs(org: string): number[] {
    return this.records.filter(({ event }) => event.org === org).map(({ seq }) => seq);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const received = { headers: request.headers, body: Buffer.concat(chunks) };
    this.requests.push(received);
    response.on('finish', () => {
      if (response.statusCode >= 200 && response.statusCode < 300) this.taken.push(received);
    });
    this.#answer(response, received);
  }
}
