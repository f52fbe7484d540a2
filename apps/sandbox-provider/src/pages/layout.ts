import { createHash } from 'node:crypto';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const STYLE = `
:root { color-scheme: light dark; --line: #8886; --accent: #0b57d0; --on-accent: #fff; --warn: #fff3cd; --on-warn: #4d3800; }
@media (prefers-color-scheme: dark) { :root { --accent: #a8c7fa; --on-accent: #062e6f; --warn: #4d3800; --on-warn: #ffe69c; } }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; }
.notice { background: var(--warn); color: var(--on-warn); margin: 0; padding: .5rem 1rem; text-align: center; }
main { max-width: 26rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; margin: 1rem 0; }
input:not([type=checkbox]) { display: block; width: 100%; font: inherit; padding: .5rem; margin-top: .25rem; border: 1px solid var(--line); border-radius: .375rem; }
fieldset { border: 1px solid var(--line); border-radius: .375rem; padding: .25rem 1rem; }
fieldset label { margin: .75rem 0; }
button { font: inherit; padding: .5rem 1rem; border: 1px solid var(--line); border-radius: .375rem; cursor: pointer; margin: 1rem .5rem 0 0; }
button.primary { background: var(--accent); color: var(--on-accent); border-color: transparent; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.error { border-left: .25rem solid #b3261e; padding-left: .75rem; }
code { overflow-wrap: anywhere; }
`;

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/**
 * No script, no third party, no framing. `form-action` is left out on purpose: browsers apply it to the redirects that follow a
 * form as well, and those lead to the client's redirect URI and on to wherever the client sends people.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; frame-ancestors 'none'`,
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** @param body HTML; whatever it quotes must have gone through escapeHtml. */
export function renderPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · Sandbox provider</title>
<style>${STYLE}</style>
</head>
<body>
<p class="notice" role="note">Sandbox provider for trying Keyward out. Not for production.</p>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}
