import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { TurnRequest, Turns } from './credential-types.js';

const TAKE = {
  name: 'vault.take_refresh_turns',
  text: 'SELECT granted, wait_ms FROM vault.take_refresh_turns($1, $2, $3)',
};

export async function takeTurns(ds: DataSource, { lane, perMinute, wanted }: TurnRequest): Promise<Turns> {
  const [row] = await prepared<{ granted: number; wait_ms: number }>(ds, TAKE, [lane, perMinute, wanted]);
  if (row === undefined) throw new TypeError('the function answers one row');
  return { granted: row.granted, waitMs: row.wait_ms };
}
