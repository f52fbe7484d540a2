import { fieldId, renderField, type FieldView } from './field.js';
import { html, type Html } from './html.js';
import type { Page } from './page.js';

/** `redirect`: the person agrees at the provider; `device`: likewise, with a code; `form`: a secret is entered here; `here`: nothing more. */
export type ConsentWay = 'redirect' | 'device' | 'form' | 'here';

export interface ScopeView {
  name: string;
  description: string | undefined;
  /** Asked for besides what the existing connection has. */
  added: boolean;
}

export interface ConsentView {
  organization: string;
  /** Names. Of a workspace connection any number, otherwise one. */
  agents: readonly string[];
  /** Null: the connection is the workspace's. */
  user: string | null;
  provider: { title: string };
  alias: string;
  /** Parameters that are fixed, such as a subdomain. */
  settled: readonly { label: string; value: string }[];
  scopes: readonly ScopeView[];
  way: ConsentWay;
  existing: 'none' | 'same' | 'widened';
  fields: readonly FieldView[];
  /** What kept the last attempt from succeeding, besides what is said at a field. */
  problem?: string | undefined;
  /** Our own path that the form posts to. */
  action: string;
  csrfToken: string;
  formTargets: readonly string[];
}

/** Before anything else happens: who asks, for which agent, for what, and what becomes of it. */
export function consentPage(view: ConsentView): Page {
  const { provider } = view;
  const failed = view.problem !== undefined || view.fields.some(({ error }) => error !== undefined);
  const title = titleOf(view);
  return {
    // RFC 9110 section 15.5.21: understood, and not accepted.
    status: failed ? 422 : 200,
    title: failed ? `Not yet connected: ${title}` : title,
    heading: title,
    formTargets: view.formTargets,
    body: html`
      ${failed ? problems(view) : undefined} ${who(view)} ${existingNotice(view)}
      <h2>What ${view.agents.length === 1 ? 'the agent' : 'the agents'} will be able to do</h2>
      ${scopeList(view)}
      <h2>What happens to your access</h2>
      <p>${custody(view)}</p>
      <p>
        Nothing is shared before you continue, and you can end it at any time: ask <bdi>${view.organization}</bdi> to disconnect
        it, or remove the access in your ${provider.title} settings.
      </p>
      <p><strong>${expectation(view)}</strong></p>
      <form method="post" action="${view.action}">
        <input type="hidden" name="csrf" value="${view.csrfToken}" />
        ${view.fields.map(renderField)}
        <div class="actions">
          <button class="primary" type="submit" name="decision" value="continue">${continueLabel(view)}</button>
          <button type="submit" name="decision" value="cancel" formnovalidate>Cancel</button>
        </div>
      </form>
    `,
  };
}

function titleOf({ user, way, provider, organization }: ConsentView): string {
  if (user === null) return `Connect ${provider.title} for ${organization}`;
  // Where nobody signs in and nothing is entered, it is no account of the person's.
  return way === 'here' ? `Connect ${provider.title}` : `Connect your ${provider.title} account`;
}

/** Said first, with a way to each field that is wrong. */
function problems({ problem, fields }: ConsentView): Html {
  const wrong = fields.filter(({ error }) => error !== undefined);
  return html`<div class="problem" role="alert">
    <h2>That did not work</h2>
    ${problem === undefined ? undefined : html`<p>${problem}</p>`}
    ${
      wrong.length === 0
        ? undefined
        : html`<ul>
            ${wrong.map(({ name, label, error }) => html`<li><a href="#${fieldId(name)}">${label}: ${error}</a></li>`)}
          </ul>`
    }
  </div>`;
}

function who({ organization, agents, user, provider, alias, settled, way }: ConsentView): Html {
  const names = agents.map((agent, index) => html`${index === 0 ? '' : ', '}<strong><bdi>${agent}</bdi></strong>`);
  const asked =
    user === null
      ? html`<bdi>${organization}</bdi> asks you to connect one ${provider.title} account for the whole workspace. It can be used
          by ${agents.length === 0 ? 'no agent until an administrator names some' : names}.`
      : html`<bdi>${organization}</bdi> asks you to let its agent ${names} use
          ${way === 'here' ? provider.title : `your ${provider.title} account`}.`;
  return html`
    <p>${asked}</p>
    <dl>
      <dt>${user === null ? 'For' : 'For the user'}</dt>
      <dd>${user === null ? 'the workspace' : html`<bdi>${user}</bdi>`}</dd>
      <dt>Connection</dt>
      <dd>${alias}</dd>
      ${settled.map(
        ({ label, value }) =>
          html`<dt>${label}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
  `;
}

function existingNotice({ existing, provider }: ConsentView): Html | undefined {
  if (existing === 'none') return undefined;
  const sentence =
    existing === 'same'
      ? `This ${provider.title} account is connected already, with all that is asked for here. Connect again only to replace it, for example with another account.`
      : `This ${provider.title} account is connected already. What is marked as new is asked for in addition.`;
  return html`<p class="notice">${sentence}</p>`;
}

function scopeList({ scopes, provider }: ConsentView): Html {
  if (scopes.length === 0)
    return html`<p>Everything that this access allows at ${provider.title}, which names no finer permissions here.</p>`;
  return html`<ul>
    ${scopes.map(scopeItem)}
  </ul>`;
}

function scopeItem({ name, description, added }: ScopeView): Html {
  const mark = added ? html`<strong class="new">New:</strong> ` : undefined;
  return description === undefined
    ? html`<li>${mark}<code>${name}</code></li>`
    : html`<li>${mark}${description} <small>(${name})</small></li>`;
}

function custody({ way, provider, user, agents }: ConsentView): string {
  const first = {
    redirect: `${provider.title} will ask you to sign in and to agree. The key it then issues`,
    device: `You will get a code to enter at ${provider.title}, which asks you to sign in and to agree. The key it then issues`,
    form: 'What you enter here',
    here: 'The key that is obtained',
  }[way];
  const users = user === null || agents.length !== 1 ? 'Only the agents named above' : 'Only this agent';
  return `${first} is encrypted and kept by Keyward; agents and their AI models never see it. ${users} can act through it, every use is recorded, and it can be revoked at any time.`;
}

function expectation({ user }: ConsentView): string {
  return user === null
    ? 'Continue only if you expected this request and may decide it for the organization.'
    : 'Continue only if you expected this request and the user above is you.';
}

function continueLabel({ way, existing, provider }: ConsentView): string {
  if (way === 'redirect') return `Continue to ${provider.title}`;
  if (way === 'device') return 'Get a code';
  return existing === 'none' ? 'Connect' : 'Connect again';
}
