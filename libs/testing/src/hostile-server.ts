import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface ReceivedRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  /** Name, value, name, value … as sent: shows repeated fields. */
  rawHeaders: string[];
  body: string;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A real HTTP server on loopback that answers as the test says, and keeps what it was sent. */
export class HostileServer {
  readonly requests: ReceivedRequest[] = [];
  connections = 0;
  /** May be replaced at any time. */
  answer: Answer;

  private constructor(
    private readonly server: Server,
    answer: Answer,
  ) {
    this.answer = answer;
  }

  /** Known from the start on, and still after `stop`. */
  port = 0;

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  static async start(answer: Answer = (_request, response) => response.end()): Promise<HostileServer> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const { method = '', url = '', headers, rawHeaders } = request;
        hostile.requests.push({ method, url, headers, rawHeaders, body });
        hostile.answer(request, response, body);
      });
    });
    const hostile = new HostileServer(server, answer);
    server.on('connection', () => hostile.connections++);
    await listen(server);
    hostile.port = (server.address() as AddressInfo).port;
    return hostile;
  }

  /** Breaks what is open and listens no more. */
  readonly stop = (): Promise<void> => close(this.server);
}

/** A server below HTTP: what it sends need not be an answer at all. `onData` runs once per connection, at the first bytes. */
export async function rawServer(onData: (socket: Socket) => void): Promise<{ origin: string; stop(): Promise<void> }> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => onData(socket));
  });
  await listen(server);
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => close(server) };
}

const open = new WeakMap<Server, Set<Socket>>();

async function listen(server: Server): Promise<void> {
  const sockets = new Set<Socket>();
  open.set(server, sockets);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

async function close(server: Server): Promise<void> {
  for (const socket of open.get(server) ?? []) socket.destroy();
  if (!server.listening) return;
  await new Promise((resolve) => server.close(resolve));
}
