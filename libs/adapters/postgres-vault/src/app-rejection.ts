import type { OutgoingMessage } from '@keyward/postgres';
import type { Change } from './change.js';
import type { AppRef, AppRejection } from './credential-types.js';

const REJECT = {
  name: 'vault.reject_app',
  text: 'SELECT vault.reject_app($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS done',
};

export async function rejectApp(
  change: Change,
  rejection: AppRejection,
  messages: readonly OutgoingMessage[],
): Promise<'first' | 'again'> {
  const { org, app, generation, rejections, reason, retryInMs } = rejection;
  const first = await change(REJECT, [org, app, generation, rejections, reason, retryInMs], messages);
  return first ? 'first' : 'again';
}

const ACCEPT = { name: 'vault.accept_app', text: 'SELECT vault.accept_app($1, $2, $3, $4, $5, $6) AS done' };

export function acceptApp(change: Change, { org, app }: AppRef, messages: readonly OutgoingMessage[]): Promise<boolean> {
  return change(ACCEPT, [org, app], messages);
}
