interface Answer {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** Keeps every HTTP answer that this process gets while something runs, as a proxy between the platform and the world would. */
export class RecordedAnswers {
  readonly #answers: Answer[] = [];

  async during(work: () => Promise<void>): Promise<void> {
    const { fetch } = globalThis;
    globalThis.fetch = async (...request: Parameters<typeof fetch>) => {
      const response = await fetch(...request);
      const body = Buffer.from(await response.clone().arrayBuffer());
      this.#answers.push({ url: urlOf(request[0]), headers: Object.fromEntries(response.headers), body });
      return response;
    };
    try {
      await work();
    } finally {
      globalThis.fetch = fetch;
    }
  }

  from(origins: string[]): Answer[] {
    return this.#answers.filter(({ url }) => origins.some((origin) => url.startsWith(origin)));
  }

  /** What travels through the browser only: the authorization code of each callback. */
  oneTimeSecrets(): [string, string][] {
    return this.#answers.flatMap(({ url, headers }): [string, string][] => {
      const location = headers['location'];
      if (location === undefined) return [];
      const code = new URL(location, url).searchParams.get('code');
      return code === null ? [] : [['authorization code', code]];
    });
  }
}

function urlOf(target: string | URL | Request): string {
  return target instanceof Request ? target.url : String(target);
}
