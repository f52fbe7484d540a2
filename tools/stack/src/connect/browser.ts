const MAX_REDIRECTS = 20;

interface Cookie {
  value: string;
  path: string;
}

export interface Page {
  url: URL;
  status: number;
  html: string;
}

/**
 * As much of a browser as a person needs to connect an account: cookies per host (ports do not part them, RFC 6265 section 8.5) and
 * redirects followed by hand.
 */
export class Browser {
  private readonly jars = new Map<string, Map<string, Cookie>>();
  /** Every address that was visited, without its query. */
  readonly visited: string[] = [];

  async open(url: string, form?: URLSearchParams): Promise<Page> {
    let target = new URL(url);
    let body = form;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await fetch(target, {
        method: body === undefined ? 'GET' : 'POST',
        redirect: 'manual',
        headers: { cookie: this.cookiesFor(target), ...(body === undefined ? {} : { origin: target.origin }) },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(30_000),
      });
      this.visited.push(`${target.origin}${target.pathname}`);
      for (const line of response.headers.getSetCookie()) this.keep(target, line);
      const location = response.headers.get('location');
      const html = await response.text();
      if (location === null) return { url: target, status: response.status, html };
      target = new URL(location, target);
      body = undefined;
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects from ${url}`);
  }

  private cookiesFor({ hostname, pathname }: URL): string {
    return [...(this.jars.get(hostname) ?? [])]
      .filter(([, { path }]) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  private keep({ hostname }: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const separator = pair.indexOf('=');
    const [name, value] = [pair.slice(0, separator), pair.slice(separator + 1)];
    const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice('path='.length) ?? '/';
    const jar = this.jars.get(hostname) ?? new Map<string, Cookie>();
    this.jars.set(hostname, jar);
    if (value === '') jar.delete(name);
    else jar.set(name, { value, path });
  }
}
