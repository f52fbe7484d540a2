import { describeScope } from '../oauth/scopes.js';
import { escapeHtml, renderPage } from './layout.js';

export interface ConsentPage {
  action: string;
  client: string;
  user: string;
  scopes: readonly string[];
  /** What the scopes of the vendor mean whose client this is. */
  vendorScopes: Readonly<Record<string, string>>;
  nothingChosen?: boolean;
}

/** Scopes can be left out one by one: what is granted may be less than what was asked, as with many real providers. */
export function renderConsentPage(page: ConsentPage): string {
  const problem =
    page.nothingChosen === true ? '<p class="error" role="alert">Choose at least one permission, or refuse.</p>' : '';
  const choices = page.scopes.map(
    (scope) =>
      `<label><input type="checkbox" name="scope" value="${escapeHtml(scope)}" checked> ${escapeHtml(describeScope(scope, page.vendorScopes))} <code>${escapeHtml(scope)}</code></label>`,
  );
  return renderPage(
    `Allow ${page.client}?`,
    `<p>You are signed in as <strong>${escapeHtml(page.user)}</strong>.</p>
${problem}
<form method="post" action="${escapeHtml(page.action)}">
<fieldset><legend><strong>${escapeHtml(page.client)}</strong> may</legend>
${choices.join('\n')}
</fieldset>
<button class="primary" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Refuse</button>
<button type="submit" name="decision" value="switch">Use another account</button>
</form>`,
  );
}
