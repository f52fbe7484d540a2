import { outboxColumns, prepared, wakeRelay, type OutgoingMessage, type PreparedStatement } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

/** What a function answers that changes one row: whether it did. */
export interface Done {
  done: boolean;
}

/** Calls a function that makes one change and, only if it was made, writes the messages: they are its last parameters. */
export type Change = (
  statement: PreparedStatement,
  values: readonly unknown[],
  messages: readonly OutgoingMessage[],
) => Promise<boolean>;

export function changeOver(ds: DataSource): Change {
  return async (statement, values, messages) => {
    const [row] = await prepared<Done>(ds, statement, [...values, ...outboxColumns(messages)]);
    const done = row?.done === true;
    if (done && messages.length > 0) wakeRelay(ds);
    return done;
  };
}
