import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ProviderManifest } from '@keyward/connectors';
import { openVendor, type Reply, type SentRequest, type Vendor } from '@keyward/vendor-emulation';
import { readConnectorFacts, type ConnectorFacts } from '../vendor/connector-facts.js';
import { asPage, unmarked } from '../vendor/pages.js';
import { readSamples, sampleOf, withSample, type Samples } from '../vendor/samples.js';
import { credentialProblem, holdsSecret, withoutCredential } from './credential.js';
import { Routes } from './routes.js';

export interface StubOptions {
  /** Folder of connectors, and the one that this is the vendor of. */
  readonly dir: string;
  readonly connector: string;
  /** Where requests carry what. */
  readonly credential: ProviderManifest['credential'];
  readonly secret: string;
}

export interface Heard {
  readonly request: SentRequest;
  /** Nothing: as the vendor describes it, with its credential. */
  readonly problems: readonly string[];
  readonly described: 'fully' | 'path' | 'not';
}

/** Origins that samples name: answers lead to this server instead. */
const ABSOLUTE = /https:\/\/[a-z0-9.-]+/gi;

/**
 * A vendor as its contract describes it: takes what the contract takes and what carries the credential, answers 400 with what is wrong to
 * everything else, and data of the described shape to the rest. Lists have two pages.
 */
export class VendorStub {
  readonly requests: Heard[] = [];
  /** The tool that is being called: of two that send the same request, its sample is answered. */
  playing: string | undefined;
  /** Addresses that answers told; they are asked without the credential. */
  private readonly told = new Set<string>();

  private constructor(
    private readonly options: StubOptions,
    private readonly server: Server,
    private readonly vendor: Vendor,
    private readonly facts: ConnectorFacts,
    private readonly samples: Samples,
    private readonly routes: Routes,
  ) {}

  static async start(options: StubOptions): Promise<VendorStub> {
    const folder = join(options.dir, options.connector);
    const server = createServer((request, response) => void stub.handle(request, response));
    const routes = new Routes(options.dir, options.connector);
    const stub = new VendorStub(options, server, openVendor(folder), readConnectorFacts(folder), readSamples(folder), routes);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
    const request: SentRequest = {
      method: incoming.method ?? 'GET',
      url: new URL(incoming.url ?? '/', this.origin).href,
      headers,
      body: chunks.length === 0 ? undefined : Buffer.concat(chunks),
    };
    const { problems, described, reply } = await this.hear(request);
    this.requests.push({ request, problems, described });
    if (problems.length === 0) send(response, this.led(reply));
    else send(response, { status: 400, headers: {}, body: { message: 'The request is not as described.', problems } });
  }

  private async hear(sent: SentRequest): Promise<{ problems: readonly string[]; described: Heard['described']; reply: Reply }> {
    const { credential, secret } = this.options;
    if (this.told.has(new URL(sent.url).pathname)) {
      const problems = holdsSecret(secret, sent) ? ['an address that an answer told must not get the credential'] : [];
      return { problems, described: 'not', reply: { status: 200, headers: {}, body: {} } };
    }
    const request = unmarked(withoutCredential(credential, sent));
    const heard = await this.vendor.hear(request, true);
    const unauthorized = credentialProblem(credential, secret, sent);
    const route = this.routes.of(request, this.playing);
    if (route === undefined && heard.described === 'not')
      return { ...heard, problems: ['no tool sends this', ...heard.problems] };
    const problems = unauthorized === undefined ? heard.problems : [unauthorized, ...heard.problems];
    return { ...heard, problems, reply: this.answered(heard.reply, sent, route) };
  }

  private answered(reply: Reply, sent: SentRequest, route: ReturnType<Routes['of']>): Reply {
    if (route === undefined) return reply;
    const sampled = withSample(reply, sampleOf(this.samples, route.tool), route.step);
    const pagination = route.step === 'request' ? this.facts.pagination.get(route.tool) : undefined;
    return pagination === undefined ? sampled : asPage(sampled, sent, pagination);
  }

  /** Absolute addresses of the vendor lead here, and are remembered. */
  private led(reply: Reply): Reply {
    if (reply.body === undefined || Buffer.isBuffer(reply.body)) return reply;
    const text = JSON.stringify(reply.body).replace(ABSOLUTE, this.origin);
    for (const [, path] of text.matchAll(/http:\/\/127\.0\.0\.1:\d+(\/[^"?#\\]*)/g))
      if (!this.isRoute(path ?? '')) this.told.add(path ?? '');
    return { ...reply, body: JSON.parse(text) as unknown };
  }

  private isRoute(path: string): boolean {
    const url = this.origin + path;
    return ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].some(
      (method) => this.routes.of({ method, url, headers: {}, body: undefined }, undefined) !== undefined,
    );
  }
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  response.writeHead(status, { 'content-type': raw ? 'text/plain' : 'application/json', ...headers });
  if (body === undefined || status === 204) response.end();
  else response.end(raw ? body : JSON.stringify(body));
}
