import { randomInt } from 'node:crypto';
import { PASSWORD } from '../../apps/sandbox-provider/test/config.js';

/** A browser as far as these flows need one: cookies per host, forms, redirects by hand. Every one has an address of its own. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly #address = `198.51.${randomInt(256)}.${randomInt(256)}`;
  url = '';
  status = 0;
  page = '';
  headers = new Headers();
  /** Every redirect that was followed, or not. */
  trail: string[] = [];
  /** A redirect to a URL that starts so is noted and not followed. */
  stopAt: string | undefined;

  async open(url: string, init: RequestInit = {}): Promise<void> {
    const { origin } = new URL(url);
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string>), cookie: this.cookies(origin), 'x-forwarded-for': this.#address },
    });
    for (const line of response.headers.getSetCookie()) this.#keep(origin, line);
    this.url = url;
    this.status = response.status;
    this.headers = response.headers;
    this.page = await response.text();
    const location = response.headers.get('location');
    if (location === null) return;
    const next = new URL(location, url).href;
    this.trail.push(next);
    if (this.stopAt === undefined || !next.startsWith(this.stopAt)) await this.open(next);
  }

  /** Posts the page's form: its hidden fields, these, and the ticked boxes named `scope`. */
  async submit(fields: Record<string, string>, scopes = this.scopes()): Promise<void> {
    const action = /<form[^>]*action="([^"]+)"/.exec(this.page)?.[1];
    if (action === undefined) throw new Error(`no form at ${this.url}: ${this.page}`);
    const body = new URLSearchParams();
    for (const [, name = '', value = ''] of this.page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g))
      body.set(name, value);
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    for (const scope of scopes) body.append('scope', scope);
    await this.open(new URL(action, this.url).href, { method: 'POST', body, headers: { origin: new URL(this.url).origin } });
  }

  scopes(): string[] {
    return [...this.page.matchAll(/name="scope" value="([^"]+)"/g)].map((match) => match[1] ?? '');
  }

  get title(): string {
    return /<h1>([^<]*)<\/h1>/.exec(this.page)?.[1] ?? '';
  }

  cookies(origin: string): string {
    return [...(this.#cookies.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Our page, our Continue, sign-in and consent at the sandbox; up to wherever that leads. */
  async connect(url: string, how: { user?: string; decision?: 'allow' | 'deny'; scopes?: string[] } = {}): Promise<void> {
    await this.open(url);
    await this.submit({ decision: 'continue' });
    await this.signIn(how);
  }

  async signIn({
    user = 'ada',
    decision = 'allow',
    scopes,
  }: { user?: string; decision?: 'allow' | 'deny'; scopes?: string[] } = {}): Promise<void> {
    if (this.page.includes('name="password"')) await this.submit({ login: user, password: PASSWORD }, []);
    await this.submit({ decision }, scopes);
  }

  /** Up to, and not including, the callback: what an attacker, or a second tab, could do with it. */
  async connectUpToCallback(url: string, callback: string): Promise<URL> {
    this.stopAt = callback;
    await this.connect(url);
    this.stopAt = undefined;
    return new URL(this.trail.at(-1) ?? '');
  }

  #keep(origin: string, line: string): void {
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    const pair = line.split(';', 1)[0] ?? '';
    const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    if (value === '') jar.delete(name);
    else jar.set(name, value);
  }
}
