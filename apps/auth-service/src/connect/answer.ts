import { endPage } from '../pages/connect-pages.js';
import type { Page } from '../pages/page.js';

/** What the browser gets. `browser` is to become its cookie. */
export type ConnectAnswer = { kind: 'page'; page: Page; browser?: string } | { kind: 'redirect'; url: string };

const ENDINGS = {
  unknown: [404, 'This link is not valid', 'Check that you opened it completely, or ask for a new one.'],
  expired: [410, 'This link has expired', 'Nothing was connected. Ask for a new link.'],
  used: [410, 'This link has been used', 'It works once. If you did not use it yourself, ask for a new one.'],
  other_browser: [
    403,
    'This link was opened in another browser',
    'To protect you, it works only where it was opened first. Continue there, or ask for a new link.',
  ],
  form: [403, 'That did not come from our page', 'Open the link again and choose there.'],
  cancelled: [200, 'Cancelled', 'Nothing was connected. You can close this page.'],
  denied: [200, 'Not connected', 'You declined, so nothing was connected. You can close this page.'],
  state_invalid: [
    400,
    'This answer is not valid',
    'It does not belong to anything that was started here. Nothing was connected.',
  ],
  state_expired: [410, 'That took too long', 'Nothing was connected. Open your link again.'],
  replayed: [410, 'This answer was used before', 'It counts once. If no account is connected yet, ask for a new link.'],
  refused: [400, 'The provider’s answer is not valid', 'It was refused and nothing was connected. Ask for a new link.'],
  provider: [502, 'The provider did not complete the connection', 'Nothing was connected. Open your link again in a moment.'],
  unavailable: [503, 'Connecting is not possible right now', 'Nothing was connected. Open your link again in a moment.'],
  unsupported: [
    409,
    'This connection can not be made here',
    'The connector is no longer offered. Ask whoever sent you the link.',
  ],
} as const satisfies Record<string, readonly [number, string, string]>;
export type Ending = keyof typeof ENDINGS;

export function ending(name: Ending, returnUrl?: string | null): ConnectAnswer {
  const [status, title, sentence] = ENDINGS[name];
  return { kind: 'page', page: endPage({ status, title, sentence, ...(returnUrl ? { returnUrl } : {}) }) };
}
