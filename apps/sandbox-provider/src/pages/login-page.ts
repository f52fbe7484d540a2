import { escapeHtml, renderPage } from './layout.js';

export interface LoginPage {
  action: string;
  client: string;
  /** What was typed before, to be corrected. */
  login?: string;
  failed?: boolean;
}

export function renderLoginPage(page: LoginPage): string {
  const failure = page.failed === true ? '<p class="error" role="alert">That name and password do not match.</p>' : '';
  return renderPage(
    'Sign in',
    `<p><strong>${escapeHtml(page.client)}</strong> would like to use your notes. Sign in first.</p>
${failure}
<form method="post" action="${escapeHtml(page.action)}">
<label>Name
<input name="login" value="${escapeHtml(page.login ?? '')}" autocomplete="username" autocapitalize="none" required autofocus></label>
<label>Password
<input name="password" type="password" autocomplete="current-password" required></label>
<button class="primary" type="submit">Sign in</button>
</form>`,
  );
}
