import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const CANDIDATES = [process.env['KEYWARD_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Where the system's Chromium is; undefined where there is none. KEYWARD_CHROMIUM names another. */
export const executablePath = CANDIDATES.find((path) => path !== undefined && existsSync(path));

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** A small phone. */
const PHONE = { width: 360, height: 740 };
export const SCHEMES = ['light', 'dark'] as const;
type Scheme = (typeof SCHEMES)[number];

const EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];
const COLOURS = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

/** One person's browser, and all that it asked for. */
export class Visit {
  /** Origins that anything was loaded from. */
  readonly origins = new Set<string>();
  /** What the browser complained about: a blocked style, a broken resource. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('request', (request) => this.origins.add(new URL(request.url()).origin));
    page.on('console', (message) => {
      // The browser reports every answer of 400 or more; those are what some of these tests are about.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  static async start(browser: Browser): Promise<Visit> {
    const context = await browser.newContext({ viewport: PHONE, isMobile: true, hasTouch: true });
    return new Visit(context, await context.newPage());
  }

  end(): Promise<void> {
    return this.context.close();
  }

  heading(): Promise<string> {
    return this.page.locator('h1').innerText();
  }

  /**
   * WCAG 2.2 A and AA, and best practices, as far as a machine can tell; in the dark, where nothing but colours differs, those alone.
   * @returns each violation with its place
   */
  async violations(scheme: Scheme): Promise<string[]> {
    if (!(await this.page.evaluate<boolean>('"axe" in window'))) await this.page.evaluate(axeSource);
    const runOnly = scheme === 'dark' ? COLOURS : EVERYTHING;
    const { violations } = await this.page.evaluate<AxeResult>(`axe.run(${JSON.stringify({ runOnly })})`);
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary = '' }) => `${id}: ${html} ${failureSummary}`),
    );
  }

  /** How far the page sticks out to the right, in CSS pixels. */
  overflow(): Promise<number> {
    return this.page.evaluate<number>('document.scrollingElement.scrollWidth - window.innerWidth');
  }

  /** Controls that are lower than a finger is wide (44 CSS pixels). */
  lowControls(): Promise<string[]> {
    return this.page.evaluate<string[]>(
      `[...document.querySelectorAll('button, .button, input:not([type=hidden]), select')].filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)`,
    );
  }

  /** Into KEYWARD_SCREENSHOTS, for people to look at; nowhere without it. */
  async screenshot(name: string, scheme: Scheme): Promise<void> {
    const folder = process.env['KEYWARD_SCREENSHOTS'];
    if (folder === undefined) return;
    await this.page.screenshot({ path: join(folder, `${name.replaceAll(/\W+/g, '-')}-${scheme}.png`), fullPage: true });
  }
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath ?? '', args: ARGUMENTS });
}
