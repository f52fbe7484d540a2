import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Asked {
  method: string;
  path: string;
  body: string;
}

/** A provider that is whatever a test needs it to be: an API behind keys and tokens, with ways to revoke them. */
export class Acme {
  /** Keys and tokens that the API takes. */
  readonly valid = new Set<string>();
  readonly asked: Asked[] = [];
  /** By path: what is answered instead, so often. */
  readonly faults = new Map<string, { status: number; times: number }>();
  /** By path: whatever else is answered instead, as it is. */
  readonly answers = new Map<string, () => Promise<{ status: number; text: string }>>();
  private issued = 0;

  private constructor(
    private readonly server: Server,
    readonly url: string,
    readonly directory: string,
  ) {}

  static async start(): Promise<Acme> {
    const server = createServer((request, response) => void acme.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const acme = new Acme(server, url, connectors(url));
    return acme;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** What an AuthHarness needs to know of it. */
  get env(): Record<string, string> {
    return {
      KEYWARD_CONNECTORS_DIR: this.directory,
      KEYWARD_CONNECTOR_VARIABLES: '{}',
      KEYWARD_EGRESS_PRIVATE_ORIGINS: this.url,
    };
  }

  newKey(): string {
    const key = `acme-canary-key-${++this.issued}`;
    this.valid.add(key);
    return key;
  }

  /** @returns what ends it */
  down(path: string, status: number): () => void {
    this.faults.set(path, { status, times: Number.POSITIVE_INFINITY });
    return () => void this.faults.delete(path);
  }

  askedFor(path: string): Asked[] {
    return this.asked.filter((one) => one.path === path);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const path = new URL(request.url ?? '/', this.url).pathname;
    this.asked.push({ method: request.method ?? '', path, body });
    const fault = this.faults.get(path);
    if (fault !== undefined && fault.times-- > 0) return void send(response, fault.status, { error: 'temporarily_unavailable' });
    const other = await this.answers.get(path)?.();
    if (other !== undefined) {
      response.writeHead(other.status, { 'content-type': 'application/json' });
      return void response.end(other.text);
    }
    const held = heldBy(request);
    if (path === '/api/me') {
      if (!this.valid.has(held)) return void send(response, 401, { message: `not ${held}` });
      return void send(response, 200, { account: { id: 4711, name: `Ada\u202e ${held}` } });
    }
    // A provider that says no with a 200.
    if (path === '/api/odd') {
      const { key = '' } = JSON.parse(body) as { key?: string };
      return void send(response, 200, { ok: this.valid.has(key) });
    }
    if (path === '/token') {
      const token = this.newKey();
      return void send(response, 200, { access_token: token, token_type: 'Bearer', expires_in: 3600 });
    }
    if (path === '/revoke') {
      this.valid.delete(new URLSearchParams(body).get('token') ?? '');
      return void send(response, 200, {});
    }
    if (path === '/keys/current' && this.valid.delete(held)) return void send(response, 204, undefined);
    send(response, 404, {});
  }
}

function heldBy({ headers }: IncomingMessage): string {
  const key = headers['x-api-key'];
  return typeof key === 'string' ? key : (headers.authorization ?? '').replace(/^Bearer /, '');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function connectors(url: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'keyward-acme-'));
  const api = `base_url: ${url}/api\norigins: ['${url}']\n`;
  const probe = 'probe: { path: /me, account: { id: /account/id, name: /account/name } }\n';
  const files = {
    acme_key: `auth: { kind: api_key }
${api}${probe}credential: { in: header, name: X-Api-Key, prefix: '' }
revocation: { method: DELETE, endpoint: '${url}/keys/current', request: { headers: { X-Api-Key: '\${token.access_token}' } } }
`,
    acme_service: `auth:
  kind: oauth2_client_credentials
  token_endpoint: ${url}/token
  revocation_endpoint: ${url}/revoke
  scopes: { default: [notes] }
${api}${probe}`,
    acme_basic: `auth: { kind: basic }
connection_parameters: { site: { title: Site, type: label, source: input } }
${api}headers: { X-Site: '\${connection.site}' }
credential: { in: basic }
`,
    acme_odd: `auth: { kind: api_key }
${api}credential: { in: body, name: key }
probe: { method: POST, path: /odd, body: {}, failure: { at: /ok, equals: false }, account: { id: /constructor/name, name: /ok } }
`,
    acme_code: `auth:
  kind: oauth2_authorization_code
  authorization_endpoint: ${url}/authorize
  token_endpoint: ${url}/token
${api}`,
    acme_device: `auth:
  kind: oauth2_device_authorization
  device_authorization_endpoint: ${url}/device
  token_endpoint: ${url}/token
${api}`,
  };
  for (const [name, yaml] of Object.entries(files)) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'connector.yaml'), `name: ${name}\ntitle: ${name}\n${yaml}`);
  }
  return directory;
}
