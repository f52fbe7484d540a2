import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.js';
import { AuthHarness } from './harness.js';

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());

const OTHER_BROWSER = 'This link was opened in another browser';
const NOT_OURS = 'That did not come from our page';

describe('the link', () => {
  it('belongs to the browser that opened it first', async () => {
    const { url } = await auth.session(await auth.tenant());
    const [first, second] = [new Browser(), new Browser()];
    await first.open(url);
    await second.open(url);
    expect({ status: second.status, title: second.title }).toEqual({ status: 403, title: OTHER_BROWSER });
    expect(second.page).not.toContain('csrf');
    await first.open(url);
    expect(first.status).toBe(200);
  });

  it('of two browsers at once goes to one', async () => {
    const { url } = await auth.session(await auth.tenant());
    const browsers = Array.from({ length: 8 }, () => new Browser());
    await Promise.all(browsers.map((browser) => browser.open(url)));
    expect(browsers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(browsers.filter(({ status }) => status === 403)).toHaveLength(7);
  });

  it('is not used up by a look ahead', async () => {
    const { url } = await auth.session(await auth.tenant());
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    expect((await fetch(url, { method: 'HEAD', headers })).status).toBe(503);
    expect((await fetch(url, { headers: { ...headers, 'sec-purpose': 'prefetch;prerender' } })).status).toBe(503);
    expect((await fetch(url, { headers: { ...headers, purpose: 'preview' } })).status).toBe(503);
    const browser = new Browser();
    await browser.open(url);
    expect(browser.status).toBe(200);
  });

  it.each([
    ['unknown', 'A'.repeat(43), 404],
    ['too short', 'abc', 404],
    ['with a NUL', `${'A'.repeat(42)}%00`, 404],
    ['with a path in it', '..%2f..%2fv1%2forganizations', 404],
  ])('that is %s gets a clear page', async (_name, token, status) => {
    const browser = new Browser();
    await browser.open(`${auth.url}/connect/${token}`);
    expect({ status: browser.status, title: browser.title }).toEqual({ status, title: 'This link is not valid' });
  });

  it('that has expired or was used gets a clear page', async () => {
    const tenant = await auth.tenant();
    const [expired, used] = [await auth.session(tenant), await auth.session(tenant)];
    await auth.database.query(`UPDATE connect.connect_session SET expires_at = now() - interval '1 s' WHERE id = $1`, [
      expired.id,
    ]);
    const browser = new Browser();
    await browser.open(expired.url);
    expect({ status: browser.status, title: browser.title }).toEqual({ status: 410, title: 'This link has expired' });
    await browser.connect(used.url);
    const other = new Browser();
    await other.open(used.url);
    expect({ status: other.status, title: other.title }).toEqual({ status: 410, title: 'This link has been used' });
    // Who has connected is told so.
    await browser.open(used.url);
    expect({ status: browser.status, title: browser.title }).toEqual({ status: 200, title: 'Sandbox is connected' });
  });
});

describe('the form', () => {
  async function opened(): Promise<{ browser: Browser; url: string; id: string; csrf: string }> {
    const { url, id } = await auth.session(await auth.tenant());
    const browser = new Browser();
    await browser.open(url);
    return { browser, url, id, csrf: /name="csrf" value="([^"]+)"/.exec(browser.page)?.[1] ?? '' };
  }
  const post = (
    browser: Browser,
    url: string,
    fields: Record<string, string> | URLSearchParams,
    headers: Record<string, string> = {},
  ) => browser.open(url, { method: 'POST', body: new URLSearchParams(fields), headers });

  it('without its token, with another’s, or with anything more is refused', async () => {
    const { browser, url, id, csrf } = await opened();
    const foreign = (await opened()).csrf;
    const forms: Record<string, string>[] = [
      { decision: 'continue' },
      { decision: 'continue', csrf: '' },
      { decision: 'continue', csrf: foreign },
      { decision: 'continue', csrf: `${csrf}x` },
      { decision: 'approve', csrf },
      { csrf },
      { decision: 'continue', csrf, state: 'mine' },
    ];
    for (const form of forms) {
      await post(browser, url, form);
      expect({ status: browser.status, title: browser.title }).toEqual({ status: 403, title: NOT_OURS });
    }
    await post(browser, url, new URLSearchParams(`decision=continue&decision=cancel&csrf=${csrf}`));
    expect(browser.status).toBe(403);
    expect((await auth.sessionRow(id)).state).toBe('opened');
    expect(browser.trail).toEqual([]);
  });

  it('from another site is refused', async () => {
    const { browser, url, csrf } = await opened();
    const fields = { decision: 'continue', csrf };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      await post(browser, url, fields, headers);
      expect({ status: browser.status, title: browser.title }).toEqual({ status: 403, title: NOT_OURS });
    }
  });

  it('posted before the page was opened, or from another browser, is refused', async () => {
    const { url } = await auth.session(await auth.tenant());
    const stranger = new Browser();
    await post(stranger, url, { decision: 'continue', csrf: 'x' });
    expect({ status: stranger.status, title: stranger.title }).toEqual({ status: 403, title: NOT_OURS });
    const mine = await opened();
    await post(stranger, mine.url, { decision: 'continue', csrf: mine.csrf });
    expect({ status: stranger.status, title: stranger.title }).toEqual({ status: 403, title: OTHER_BROWSER });
  });

  it('redirects with 303, so that nothing of it goes to the provider', async () => {
    const { browser } = await opened();
    browser.stopAt = auth.sandbox.url;
    await browser.submit({ decision: 'continue' });
    expect(browser.status).toBe(303);
    expect(browser.trail.at(-1)).not.toContain('csrf');
    expect(browser.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('as JSON, oversized or of another type is refused', async () => {
    const { browser, url, csrf } = await opened();
    await browser.open(url, {
      method: 'POST',
      body: JSON.stringify({ decision: 'continue', csrf: [csrf] }),
      headers: { 'content-type': 'application/json' },
    });
    expect(browser.status).toBe(403);
    await post(browser, url, { decision: 'continue', csrf, padding: 'x'.repeat(25_000) });
    expect(browser.status).toBe(413);
    await browser.open(url, { method: 'POST', body: '<x/>', headers: { 'content-type': 'text/xml' } });
    expect(browser.status).toBe(415);
  });
});

it('names with markup in them are shown as text', async () => {
  const xss = '</bdi><script>alert(1)</script><img src=x onerror=alert(1)>"\'';
  const tenant = await auth.tenant({ organization: xss, agent: `${xss}\u202e` });
  const browser = new Browser();
  await browser.open((await auth.session(tenant)).url);
  expect(browser.status).toBe(200);
  expect(browser.page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(browser.page).not.toMatch(/<script|<img|\u202e/);
  await browser.submit({ decision: 'continue' });
  await browser.signIn();
  expect(browser.title).toBe('Sandbox is connected');
  expect(browser.page).not.toMatch(/<script|<img|\u202e/);
});

it('an address that asks too often has to wait, and the others do not', async () => {
  const browser = new Browser();
  const url = `${auth.url}/connect/${'A'.repeat(43)}`;
  const statuses: number[] = [];
  for (let i = 0; i < 125; i++) {
    await browser.open(url);
    statuses.push(browser.status);
  }
  expect(statuses.slice(0, 120).every((status) => status === 404)).toBe(true);
  expect(statuses.slice(120)).toEqual([429, 429, 429, 429, 429]);
  expect(JSON.parse(browser.page)).toMatchObject({ code: 'rate_limited', status: 429 });
  expect(Number(browser.headers.get('retry-after'))).toBeGreaterThan(0);
  const other = new Browser();
  await other.open(url);
  expect(other.status).toBe(404);
});
