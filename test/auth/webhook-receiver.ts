import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  /** As it came, byte for byte. */
  body: string;
}

type Answering = (response: ServerResponse, received: Received) => void;

export const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Answering =>
  (response) =>
    void response.writeHead(status, headers).end(body);

/** An organization's own server: it keeps what comes, and answers as it is told to, path by path. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  readonly #answers = new Map<string, Answering>();
  readonly #held = new Set<ServerResponse>();

  private constructor(
    readonly origin: string,
    private readonly server: Server,
  ) {}

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new WebhookReceiver(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const received = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
        receiver.received.push(received);
        (receiver.#answers.get(received.path) ?? answering(204))(response, received);
      });
    });
    return receiver;
  }

  /** 204 where nothing is said. */
  answer(path: string, how: Answering): void {
    this.#answers.set(path, how);
  }

  /** Whoever comes to this path waits, until `letGo`. */
  hold(path: string): void {
    this.#answers.set(path, (response) => void this.#held.add(response));
  }

  /** They are answered 204, and so is who comes from now on. */
  letGo(path: string): void {
    this.#answers.delete(path);
    for (const response of this.#held) response.writeHead(204).end();
    this.#held.clear();
  }

  at(path: string): Received[] {
    return this.received.filter((one) => one.path === path);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** As a receiver reads it, with the library that Standard Webhooks offers. @throws where it is not signed with the secret */
export function verify<T>(secret: string, { body, headers }: Pick<Received, 'body' | 'headers'>): T {
  return new Webhook(secret).verify(body, headers as Record<string, string>) as T;
}
