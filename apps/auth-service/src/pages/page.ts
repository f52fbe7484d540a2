import { html, type Html } from './html.js';
import { styleElement, styleHash } from './style.js';

export interface Page {
  status: number;
  title: string;
  /** Left out: the title. */
  heading?: string;
  body: Html;
  /** After how many seconds the browser asks again by itself. */
  refreshSeconds?: number;
  /** Our own path; left out: where it is. A page that answers a POST needs one. */
  refreshTo?: string;
  /** Origins besides our own that the page's form may lead to, redirects included. */
  formTargets?: readonly string[];
}

export function renderPage(page: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${page.title}</title>
        ${styleElement}
      </head>
      <body>
        <main>
          <h1>${page.heading ?? page.title}</h1>
          ${page.body}
        </main>
      </body>
    </html>`.text;
}

/**
 * No script, no image, nothing from elsewhere, in nobody's frame. `form-action` also governs where the answer to a form may redirect
 * to, so the provider's origin has to be in it; and any https origin, because providers pass people on to their own sign-in hosts.
 */
export function contentSecurityPolicy(page: Page): string {
  const formAction = page.formTargets === undefined ? "'none'" : ["'self'", 'https:', ...page.formTargets].join(' ');
  return [
    "default-src 'none'",
    `style-src ${styleHash}`,
    `form-action ${formAction}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}
