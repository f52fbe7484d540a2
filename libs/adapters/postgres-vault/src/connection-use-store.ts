import type { ConnectionUseStore } from '@keyward/credentials';
import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

const RECORD = { name: 'vault.record_uses', text: 'SELECT vault.record_uses($1, $2) AS recorded' };

/** One statement for all of them. What slept is refreshed from then on before it expires. */
export function createConnectionUseStore(dataSource: DataSource): ConnectionUseStore {
  return {
    record: async (uses) => {
      const values = [uses.map(({ org }) => org), uses.map(({ connection }) => connection)];
      const [row] = await prepared<{ recorded: number }>(dataSource, RECORD, values);
      return row?.recorded ?? 0;
    },
  };
}
