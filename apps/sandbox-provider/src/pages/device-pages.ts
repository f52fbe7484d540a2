import { escapeHtml, renderPage } from './layout.js';

/** @param form the server's own, without a button of its own */
export function renderCodePage(form: string, problem: string | undefined): string {
  return renderPage(
    'Connect a device',
    `<p>Enter the code that the application shows you.</p>
${problem === undefined ? '' : `<p class="error" role="alert">${escapeHtml(problem)}</p>`}
${form}
<button class="primary" type="submit" form="op.deviceInputForm">Continue</button>`,
  );
}

export function renderDevicePage(form: string, client: string, userCode: string): string {
  return renderPage(
    `Connect ${client}?`,
    `<p>Go on only if <strong>${escapeHtml(client)}</strong> shows you this very code: <code>${escapeHtml(userCode)}</code></p>
${form}
<button class="primary" type="submit" form="op.deviceConfirmForm">Continue</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Refuse</button>`,
  );
}

export function renderConnectedPage(): string {
  return renderPage('Connected', '<p>You can go back to the application. This page can be closed.</p>');
}
