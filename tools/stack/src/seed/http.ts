/** A JSON API of ours, as one caller. Failures carry the problem's own sentence (RFC 9457). */
export class JsonClient {
  constructor(
    private readonly baseUrl: string,
    private readonly token: string,
  ) {}

  get<T>(path: string): Promise<T> {
    return this.send<T>('GET', path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.send<T>('POST', path, body);
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.send<T>('PUT', path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.send<T>('DELETE', path);
  }

  private async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(new URL(path, this.baseUrl), {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const answer: unknown = text === '' ? undefined : JSON.parse(text);
    if (!response.ok) throw new ApiError(`${method} ${path}`, response.status, answer);
    return answer as T;
  }
}

/** What an API of ours refused, with its problem document. */
export class ApiError extends Error {
  readonly code: string;

  constructor(
    request: string,
    readonly status: number,
    readonly problem: unknown,
  ) {
    const { code, detail } = (problem ?? {}) as { code?: string; detail?: string };
    super(`${request} was answered ${status}${code === undefined ? '' : ` ${code}`}${detail === undefined ? '' : `: ${detail}`}`);
    this.name = 'ApiError';
    this.code = code ?? '';
  }
}
