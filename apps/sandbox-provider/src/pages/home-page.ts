import { escapeHtml, renderPage } from './layout.js';

export function renderHomePage(users: readonly string[]): string {
  const names = users.map((user) => `<code>${escapeHtml(user)}</code>`).join(' and ');
  return renderPage(
    'Sandbox provider',
    `<p>This stands in for a service whose API your agents would use: an OAuth 2.1 server and a notes API. Accounts: ${names}.</p>
<ul>
<li><a href="/.well-known/openid-configuration">Authorization server metadata</a></li>
<li><code>/api/notes</code>, <code>/api/me</code> and endpoints that echo, delay, fail, limit and redirect on demand</li>
</ul>`,
  );
}
