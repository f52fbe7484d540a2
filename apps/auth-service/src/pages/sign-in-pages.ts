import { html } from './html.js';
import type { Page } from './page.js';

const SENTENCES = {
  not_set_up: [
    404,
    'Sign-in is not set up',
    'This deployment has no identity provider. Whoever runs it works with the admin token; the settings that begin with KEYWARD_OIDC add sign-in.',
  ],
  bad_link: [400, 'This link is not valid', 'It does not say properly where to go after signing in. Nobody was signed in.'],
  denied: [403, 'Not signed in', 'The identity provider did not let you in, or you declined.'],
  invalid: [400, 'That did not work', 'This answer belongs to no sign-in of this browser, or came too late. Start again.'],
  unavailable: [503, 'Signing in is not possible right now', 'Try again in a moment.'],
  form: [403, 'That did not come from our page', 'Go back and try again there.'],
  signed_out: [200, 'Signed out', 'This browser is not signed in any more. The identity provider may still know you.'],
} as const satisfies Record<string, readonly [number, string, string]>;
export type SignInEnding = keyof typeof SENTENCES;

export function signInEnding(ending: SignInEnding): Page {
  const [status, title, sentence] = SENTENCES[ending];
  return { status, title, body: html`<p>${sentence}</p>` };
}

export function signedInPage(view: { name: string; organizations: readonly { name: string; role: string }[] }): Page {
  const organizations =
    view.organizations.length === 0
      ? html`<p>You are a member of no organization here yet.</p>`
      : html`<dl>
          ${view.organizations.map(
            ({ name, role }) =>
              html`<dt><bdi>${name}</bdi></dt>
                <dd>${role}</dd>`,
          )}
        </dl>`;
  return {
    status: 200,
    title: 'You are signed in',
    formTargets: [],
    body: html`
      <p>As <bdi>${view.name}</bdi>.</p>
      ${organizations}
      <form method="post" action="/logout">
        <div class="actions"><button type="submit">Sign out</button></div>
      </form>
    `,
  };
}
