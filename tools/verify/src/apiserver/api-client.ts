import { request } from 'node:https';

export interface ApiAnswer {
  status: number;
  /** Of the API server's warnings, such as that a pod would not be admitted. */
  warnings: string[];
  body: unknown;
}

export interface ApiClientOptions {
  port: number;
  token: string;
  ca: string;
}

/** The Kubernetes API over HTTPS, as its administrator. */
export class ApiClient {
  constructor(private readonly options: ApiClientOptions) {}

  /** @param body sent as server-side apply expects it, where the method is PATCH */
  request(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<ApiAnswer> {
    const { port, token, ca } = this.options;
    const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...{ host: '127.0.0.1', port, method, path, ca },
          headers: { authorization: `Bearer ${token}`, 'content-type': type, accept: 'application/json' },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              warnings: [response.headers['warning'] ?? []].flat(),
              body: parsed(Buffer.concat(chunks).toString('utf8')),
            }),
          );
        },
      );
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
