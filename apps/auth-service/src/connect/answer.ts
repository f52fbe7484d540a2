import type { OAuthError } from '@keyward/oauth';
import { endPage } from '../pages/end-pages.js';
import type { Page } from '../pages/page.js';

/** How an exchange with the browser went. */
export type Outcome = Ending | 'connected' | 'shown' | 'redirected' | 'waiting' | 'not_accepted' | 'sign_in_required';

/** What the browser gets. `browser` is to become its cookie; `connection` is there where one was just made. */
export type ConnectAnswer = { outcome: Outcome; connection?: string } & (
  { kind: 'page'; page: Page; browser?: string } | { kind: 'redirect'; url: string }
);

const ENDINGS = {
  unknown: [404, 'This link is not valid', 'Check that you opened it completely, or ask for a new one.'],
  expired: [410, 'This link has expired', 'Nothing was connected. Ask for a new link.'],
  used: [410, 'This link has been used', 'It works once. If you did not use it yourself, ask for a new one.'],
  other_browser: [
    403,
    'This link was opened in another browser',
    'To protect you, it works only where it was opened first. Continue there, or ask for a new link.',
  ],
  wrong_person: [
    403,
    'This link is for somebody else',
    'You are signed in as another person than the one it was made for. Nothing was connected. Sign in as that person, or pass the link on to them.',
  ],
  signed_out: [403, 'You are not signed in any more', 'Nothing was connected. Open your link again and sign in.'],
  sign_in_unavailable: [
    503,
    'Signing in is not possible here',
    'The organization asks people to sign in before they connect, and this service can not do that yet. Nothing was connected.',
  ],
  form: [403, 'That did not come from our page', 'Open the link again and choose there.'],
  cancelled: [200, 'Cancelled', 'Nothing was connected. You can close this page.'],
  denied: [200, 'Not connected', 'You declined, so nothing was connected. You can close this page.'],
  code_expired: [410, 'The code has expired', 'Nothing was connected. Open your link again to get a new code.'],
  state_invalid: [
    400,
    'This answer is not valid',
    'It does not belong to anything that was started here. Nothing was connected.',
  ],
  state_expired: [410, 'That took too long', 'Nothing was connected. Open your link again.'],
  replayed: [410, 'This answer was used before', 'It counts once. If no account is connected yet, ask for a new link.'],
  refused: [400, 'The provider’s answer is not valid', 'It was refused and nothing was connected. Ask for a new link.'],
  provider: [502, 'The provider did not complete the connection', 'Nothing was connected. Open your link again in a moment.'],
  rejected: [
    502,
    'The provider does not accept this service',
    'This is not your fault, and nothing was connected. Whoever sent you the link has to set it right; then open it again.',
  ],
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
  const view = { status, title, sentence, ...(returnUrl ? { returnUrl } : {}), signOut: name === 'wrong_person' };
  return { kind: 'page', outcome: name, page: endPage(view) };
}

/** How a request to the provider that failed ends for the person, who is not to blame for our registration. */
export function endingOf({ failure }: OAuthError): Ending {
  return failure === 'invalid_client' ? 'rejected' : 'provider';
}
