import type { EntityManager } from 'typeorm';

async function run<Row>(em: EntityManager, text: string, values: unknown[]): Promise<{ records: Row[]; affected: number }> {
  if (em.queryRunner === undefined) throw new TypeError('not inside a transaction');
  // The structured form, because the other one answers in a different shape for each kind of statement.
  const { records, affected } = await em.queryRunner.query(text, values, true);
  return { records: records as Row[], affected: affected ?? 0 };
}

/** Runs one statement in the transaction of `em`. */
export async function rows<Row>(em: EntityManager, text: string, values: unknown[]): Promise<Row[]> {
  return (await run<Row>(em, text, values)).records;
}

/** Runs one statement, and tells whether it hit a row. */
export async function changed(em: EntityManager, text: string, values: unknown[]): Promise<boolean> {
  return (await run(em, text, values)).affected > 0;
}
