const TIMEOUT_MS = 30_000;

/** A JSON API of ours, as one caller: for people and admins, and for tools of ours that are either. */
export class JsonClient {
  constructor(
    private readonly baseUrl: string,
    private readonly token: string,
  ) {}

  get<T>(path: string): Promise<T> {
    return this.#ask<T>('GET', path);
  }

  /** @param timeoutMs for what takes longer than other requests */
  post<T>(path: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<T> {
    return this.#ask<T>('POST', path, body, timeoutMs);
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#ask<T>('PUT', path, body);
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#ask<T>('PATCH', path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.#ask<T>('DELETE', path);
  }

  /** For answers of one JSON document per line, each given as it comes. */
  async *lines<T>(method: string, path: string, body?: unknown): AsyncGenerator<T> {
    const response = await this.#send(method, path, body);
    if (!response.ok) throw apiError(`${method} ${path}`, response.status, await response.text());
    let rest = '';
    for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as T;
    }
    if (rest.trim() !== '') yield JSON.parse(rest) as T;
  }

  /** For answers of any length, as they come. */
  async *bytes(path: string): AsyncGenerator<Uint8Array> {
    const response = await this.#send('GET', path, undefined);
    if (!response.ok) throw apiError(`GET ${path}`, response.status, await response.text());
    for await (const chunk of response.body ?? new ReadableStream<Uint8Array>()) yield chunk;
  }

  async #ask<T>(method: string, path: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<T> {
    const response = await this.#send(method, path, body, AbortSignal.timeout(timeoutMs));
    const text = await response.text();
    if (!response.ok) throw apiError(`${method} ${path}`, response.status, text);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async #send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    try {
      return await fetch(new URL(path, this.baseUrl), {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // The token is for this address alone.
        redirect: 'error',
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      throw new Error(`${this.baseUrl} can not be reached.`, { cause });
    }
  }
}

interface ProblemBody {
  code?: string;
  detail?: string;
  errors?: { pointer: string; detail: string }[];
  connectUrl?: string;
}

/** What an API of ours refused, with its problem document (RFC 9457). */
export class ApiError extends Error {
  /** Empty where something that is not ours answered. */
  readonly code: string;
  readonly detail: string | undefined;
  readonly errors: readonly { pointer: string; detail: string }[];
  readonly connectUrl: string | undefined;

  constructor(
    request: string,
    readonly status: number,
    readonly problem: unknown,
  ) {
    const { code, detail, errors, connectUrl } = (problem ?? {}) as ProblemBody;
    super(`${request} was answered ${status}${code === undefined ? '' : ` ${code}`}${detail === undefined ? '' : `: ${detail}`}`);
    this.name = 'ApiError';
    this.code = code ?? '';
    this.detail = detail;
    this.errors = errors ?? [];
    this.connectUrl = connectUrl;
  }
}

function apiError(request: string, status: number, text: string): ApiError {
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch {
    problem = undefined;
  }
  return new ApiError(request, status, problem);
}
