/** What a browser does with cookies, forms and redirects, up to the redirect that leaves the provider. */
export class Browser {
  readonly #cookies = new Map<string, { value: string; path: string }>();
  page = '';
  status = 0;
  /** Where the provider sent the person in the end. */
  left: URL | undefined;

  async open(url: string, form?: URLSearchParams): Promise<void> {
    const { pathname, origin } = new URL(url);
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie },
      ...(form && { body: form }),
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    const location = response.headers.get('location');
    if (location === null) {
      this.status = response.status;
      this.page = await response.text();
      return;
    }
    const next = new URL(location, url);
    if (next.origin === origin) return this.open(next.href);
    this.left = next;
  }

  /** Fills in the form of the page; `scope` narrows the ticked boxes. */
  async submit(base: string, fields: Record<string, string>, scopes = this.scopes()): Promise<void> {
    const action = /action="([^"]+)"/.exec(this.page)?.[1];
    if (action === undefined) throw new Error(`no form on: ${this.page}`);
    const form = new URLSearchParams(fields);
    for (const scope of scopes) form.append('scope', scope);
    await this.open(new URL(action, base).href, form);
  }

  scopes(): string[] {
    return [...this.page.matchAll(/name="scope" value="([^"]+)"/g)].map((match) => match[1] ?? '');
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ');
    const [name = '', value = ''] = pair.split('=');
    const path = attributes.find((attribute) => attribute.toLowerCase().startsWith('path='))?.slice(5) ?? '/';
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, { value, path });
  }
}
