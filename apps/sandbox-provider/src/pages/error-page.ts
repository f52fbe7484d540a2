import { escapeHtml, renderPage } from './layout.js';

export function renderErrorPage(error: string, description: string | undefined): string {
  const detail = description === undefined ? '' : `<p>${escapeHtml(description)}</p>`;
  return renderPage(
    "This didn't work",
    `<div class="error" role="alert"><p><code>${escapeHtml(error)}</code></p>${detail}</div>
<p>Go back to the application that sent you here and start again.</p>`,
  );
}
