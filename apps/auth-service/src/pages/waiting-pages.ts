import { html } from './html.js';
import type { Page } from './page.js';

export interface DeviceView {
  provider: string;
  userCode: string;
  /** https; http on this machine only. */
  verificationUri: string;
  /** With the code in it (RFC 8628 section 3.3.1). */
  verificationUriComplete: string | null;
  minutesLeft: number;
  refreshSeconds: number;
  /** Our own path: of this page, and of the form that ends it. */
  action: string;
  csrfToken: string;
}

/** RFC 8628 section 3.3: the code, and where to enter it, on this or another device. */
export function devicePage(view: DeviceView): Page {
  const minutes = view.minutesLeft === 1 ? '1 minute' : `${view.minutesLeft} minutes`;
  return {
    status: 200,
    title: `Enter the code at ${view.provider}`,
    refreshSeconds: view.refreshSeconds,
    formTargets: [],
    body: html`
      <ol>
        <li>
          Open
          <a href="${view.verificationUriComplete ?? view.verificationUri}" rel="noreferrer noopener" target="_blank"
            >${view.verificationUri}</a
          >
          in this or another browser. It opens a new tab.
        </li>
        <li>Enter this code, or check that it is the one shown there:</li>
      </ol>
      <p class="code" aria-label="Code"><code>${view.userCode}</code></p>
      <p>Agree there only to this code. It is valid for ${minutes} more.</p>
      <p class="soft" role="status">
        Waiting for ${view.provider}. This page looks again by itself every ${view.refreshSeconds} seconds.
      </p>
      <form method="post" action="${view.action}">
        <input type="hidden" name="csrf" value="${view.csrfToken}" />
        <div class="actions">
          <a class="button" href="${view.action}">Look now</a>
          <button type="submit" name="decision" value="cancel">Cancel</button>
        </div>
      </form>
    `,
  };
}

/**
 * Nothing is left to do for the person: the provider's own message is on its way, or another of their requests is at work.
 * @param view.action where the result is going to be; left out: here
 */
export function waitingPage(view: { provider: string; refreshSeconds: number; action?: string }): Page {
  const look =
    view.action === undefined ? undefined : html`<div class="actions"><a class="button" href="${view.action}">Look now</a></div>`;
  return {
    status: 200,
    title: `Waiting for ${view.provider}`,
    refreshSeconds: view.refreshSeconds,
    ...(view.action === undefined ? {} : { refreshTo: view.action }),
    body: html`
      <p>Everything is done on your side. ${view.provider} is confirming it; that usually takes a few seconds.</p>
      <p class="soft" role="status">Leave this page open. It looks again by itself every ${view.refreshSeconds} seconds.</p>
      ${look}
    `,
  };
}
