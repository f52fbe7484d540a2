import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Trap, type ArmedFault, type FaultRule } from './fault.js';
import type { Protocol } from './protocol.js';
import { Session, type OnExchange } from './session.js';

/**
 * Stands between a client and a real server and lets everything through, except what a rule catches: then it is the network on its worst
 * day. Clients take its `url` for the server's.
 */
export class FaultProxy {
  readonly #sessions = new Set<Session>();
  #traps: Trap[] = [];
  #refusing = false;

  private constructor(
    private readonly server: Server,
    private readonly protocol: Protocol,
    private readonly target: URL,
    private readonly onExchange: OnExchange,
  ) {
    server.on('connection', (client) => this.#accept(client));
  }

  /** @param target the server's URL, with its port */
  static async start(protocol: Protocol, target: string, onExchange: OnExchange = () => undefined): Promise<FaultProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FaultProxy(server, protocol, new URL(target), onExchange);
  }

  /** The server's URL, except that it leads here. */
  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    const { protocol, username, password, pathname, search } = this.target;
    const login = username === '' ? '' : `${username}:${password}@`;
    return `${protocol}//${login}127.0.0.1:${port}${pathname === '/' ? '' : pathname}${search}`;
  }

  /** The oldest rule that is not used up catches a request. */
  arm(rule: FaultRule): ArmedFault {
    const trap = new Trap(rule);
    this.#traps.push(trap);
    return trap;
  }

  /** As if the server's machine were gone: what is open breaks, and nothing new is accepted, until `heal`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Breaks every connection. */
  cut(): void {
    for (const session of this.#sessions) session.close();
  }

  /** No more faults: rules are forgotten, what hangs breaks, and connections are accepted. */
  heal(): void {
    this.#refusing = false;
    for (const trap of this.#traps) trap.disarm();
    this.#traps = [];
    for (const session of this.#sessions) session.closeHanging();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const { hostname, port } = this.target;
    const trapFor = (request: Buffer) => this.#traps.find((trap) => trap.catches(request));
    const session = new Session(client, this.protocol, { host: hostname, port: Number(port) }, trapFor, this.onExchange);
    this.#sessions.add(session);
    void session.ended.then(() => this.#sessions.delete(session));
  }
}
