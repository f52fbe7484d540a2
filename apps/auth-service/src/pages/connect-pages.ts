import { html, type Html } from './html.js';
import type { Page } from './page.js';

export interface ConsentView {
  organization: string;
  agent: string;
  user: string;
  provider: { name: string; title: string };
  alias: string;
  scopes: { name: string; description: string | undefined }[];
  /** Our own path that the form posts to. */
  action: string;
  csrfToken: string;
  formTargets: readonly string[];
}

const scopeItem = ({ name, description }: ConsentView['scopes'][number]): Html =>
  description === undefined ? html`<li><code>${name}</code></li>` : html`<li>${description} <small>(${name})</small></li>`;

/** Before anything else happens: who asks, for which agent, for what, and what becomes of it. */
export function consentPage(view: ConsentView): Page {
  const { provider } = view;
  const scopes =
    view.scopes.length === 0
      ? html`<p>Only the basic access that ${provider.title} gives to every connected application.</p>`
      : html`<ul>
          ${view.scopes.map(scopeItem)}
        </ul>`;
  return {
    status: 200,
    title: `Connect your ${provider.title} account`,
    formTargets: view.formTargets,
    body: html`
      <p>
        <bdi>${view.organization}</bdi> asks you to let its agent <strong><bdi>${view.agent}</bdi></strong> use your
        ${provider.title} account.
      </p>
      <dl>
        <dt>For the user</dt>
        <dd><bdi>${view.user}</bdi></dd>
        <dt>Connection</dt>
        <dd>${view.alias}</dd>
      </dl>
      <h2>The agent will be able to</h2>
      ${scopes}
      <h2>What happens to your access</h2>
      <p>
        ${provider.title} will ask you to sign in and to agree. The key it then issues is encrypted and kept by Keyward; the agent
        and its AI model never see it. Only this agent can act through it, every use is recorded, and it can be revoked at any
        time.
      </p>
      <p class="soft">Continue only if you expected this request and the user above is you.</p>
      <form method="post" action="${view.action}">
        <input type="hidden" name="csrf" value="${view.csrfToken}" />
        <div class="actions">
          <button class="primary" type="submit" name="decision" value="continue">Continue to ${provider.title}</button>
          <button type="submit" name="decision" value="cancel">Cancel</button>
        </div>
      </form>
    `,
  };
}

export function connectedPage(view: { provider: string; agent: string }): Page {
  return {
    status: 200,
    title: `${view.provider} is connected`,
    body: html`<p><bdi>${view.agent}</bdi> can now use your ${view.provider} account. You can close this page.</p>`,
  };
}

/** A way that ends here. The sentence says what happened and what to do; a link leads back where the organization registered one. */
export function endPage(view: { status: number; title: string; sentence: string; returnUrl?: string }): Page {
  const back =
    view.returnUrl === undefined
      ? undefined
      : html`<div class="actions">
          <a class="button" href="${view.returnUrl}" rel="noreferrer">Back to ${hostOf(view.returnUrl)}</a>
        </div>`;
  return {
    status: view.status,
    title: view.title,
    body: html`<p>${view.sentence}</p>
      ${back}`,
  };
}

function hostOf(url: string): string {
  return new URL(url).host;
}
