import { html, type Html } from './html.js';
import type { Page } from './page.js';

export interface ConnectedView {
  provider: string;
  /** Names. */
  agents: readonly string[];
  /** Whose account it is, in the provider's words. */
  account?: string | undefined;
  /** Null: the connection is the workspace's. */
  user: string | null;
  returnUrl?: string | null | undefined;
}

export function connectedPage({ provider, agents, account, user, returnUrl }: ConnectedView): Page {
  const names = agents.map((agent, index) => html`${index === 0 ? '' : ', '}<bdi>${agent}</bdi>`);
  const whose = user === null ? `the workspace’s ${provider} account` : `your ${provider} account`;
  return {
    status: 200,
    title: `${provider} is connected`,
    body: html`<p role="status">
        ${agents.length === 0 ? html`No agent can use ${whose} yet.` : html`${names} can now use ${whose}.`}
        ${account === undefined ? undefined : html`The account is <bdi>${account}</bdi>.`}
      </p>
      ${returnUrl ? wayBack(returnUrl) : html`<p>You can close this page.</p>`}`,
  };
}

export interface EndView {
  status: number;
  title: string;
  sentence: string;
  returnUrl?: string;
  /** Offers to sign out, where another person must sign in. */
  signOut?: boolean;
}

/** A way that ends here. The sentence says what happened and what to do; a link leads back where the organization registered one. */
export function endPage(view: EndView): Page {
  return {
    status: view.status,
    title: view.title,
    body: html`<p role="status">${view.sentence}</p>
      ${view.returnUrl === undefined ? undefined : wayBack(view.returnUrl)} ${view.signOut === true ? signOut : undefined}`,
    ...(view.signOut === true ? { formTargets: [] } : {}),
  };
}

const signOut = html`<form method="post" action="/logout">
  <div class="actions"><button type="submit">Sign out</button></div>
</form>`;

function wayBack(url: string): Html {
  return html`<div class="actions">
    <a class="button" href="${url}" rel="noreferrer">Back to ${hostOf(url)}</a>
  </div>`;
}

function hostOf(url: string): string {
  return new URL(url).host;
}
