import { outboxColumns, prepared, type OutgoingMessage } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { AppRef, AppRejection } from './credential-types.js';
import { isDone, type Done } from './sql.js';

const REJECT = {
  name: 'vault.reject_app',
  text: 'SELECT vault.reject_app($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS done',
};

export async function rejectApp(
  ds: DataSource,
  rejection: AppRejection,
  messages: readonly OutgoingMessage[],
): Promise<'first' | 'again'> {
  const { org, app, generation, rejections, reason, retryInMs } = rejection;
  const values = [org, app, generation, rejections, reason, retryInMs, ...outboxColumns(messages)];
  return isDone(await prepared<Done>(ds, REJECT, values)) ? 'first' : 'again';
}

const ACCEPT = { name: 'vault.accept_app', text: 'SELECT vault.accept_app($1, $2, $3, $4, $5, $6) AS done' };

export async function acceptApp(ds: DataSource, { org, app }: AppRef, messages: readonly OutgoingMessage[]): Promise<boolean> {
  return isDone(await prepared<Done>(ds, ACCEPT, [org, app, ...outboxColumns(messages)]));
}
