import type { IncomingHttpHeaders } from 'node:http';
import { providerManifestSchema, type ProviderManifest } from '@keyward/connectors';
import { HostileServer } from '@keyward/testing/hostile-server';

export interface StrictRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  form: URLSearchParams;
}

export type StrictAnswer = [status: number, body: unknown];

/** A server that looks at every request closely: what `answer` throws is a refusal with that text, which the test then sees. */
export class StrictServer {
  readonly refusals: string[] = [];
  answer: (request: StrictRequest) => StrictAnswer | Promise<StrictAnswer> = () => [500, {}];

  private constructor(private readonly server: HostileServer) {}

  static async start(): Promise<StrictServer> {
    const strict = new StrictServer(await HostileServer.start());
    strict.server.answer = (request, response, body) => {
      const { method = '', url = '', headers } = request;
      void strict.judge({ method, path: url, headers, form: new URLSearchParams(body) }).then(([status, json]) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      });
    };
    return strict;
  }

  get url(): string {
    return this.server.origin;
  }

  get received(): number {
    return this.server.requests.length;
  }

  readonly stop = (): Promise<void> => this.server.stop();

  private async judge(request: StrictRequest): Promise<StrictAnswer> {
    try {
      return await this.answer(request);
    } catch (thrown) {
      this.refusals.push(thrown instanceof Error ? thrown.message : String(thrown));
      return [400, { error: 'invalid_request' }];
    }
  }
}

/** A manifest with this way of authorizing, everything else being plain. */
export function grantProvider(url: string, auth: Record<string, unknown>, rest: Record<string, unknown> = {}): ProviderManifest {
  return providerManifestSchema.parse({ name: 'strict', title: 'Strict', auth, base_url: `${url}/api`, origins: [url], ...rest });
}
