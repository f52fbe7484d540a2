import { newId } from '@keyward/contracts';
import { shredded } from '../errors.js';
import type { DataKeyRecord, DataKeyStore, NewDataKey, WrappedKey } from '../ports.js';

interface Row extends DataKeyRecord {
  reserved: number;
}

/** The store in memory; one thread makes each method atomic. It passes the contract suite like the real one. */
export class MemoryDataKeyStore implements DataKeyStore {
  readonly #organizations = new Set<string>();
  readonly #rows = new Map<string, Row>();

  addOrganization(org: string): void {
    this.#organizations.add(org);
  }

  /** For tests that damage or age what is stored. */
  row(id: string): Row {
    const row = this.#rows.get(id);
    if (row === undefined) throw new Error(`no data key ${id}`);
    return row;
  }

  async active(org: string): Promise<DataKeyRecord | null> {
    return copy(this.#of(org).find((row) => row.state === 'active'));
  }

  async byId(org: string, id: string): Promise<DataKeyRecord | null> {
    return copy(this.#of(org).find((row) => row.id === id));
  }

  async insertActive(key: NewDataKey): Promise<DataKeyRecord> {
    const rows = this.#of(key.org);
    if (rows.some((row) => row.state === 'destroyed')) throw shredded(key.org);
    const winner = rows.find((row) => row.state === 'active');
    if (winner !== undefined) return { ...winner };
    const row: Row = { ...key, state: 'active', reserved: 0 };
    this.#rows.set(key.id, row);
    return { ...row };
  }

  async reserveMessages(org: string, id: string, count: number, limit: number): Promise<boolean> {
    const row = this.#of(org).find((candidate) => candidate.id === id && candidate.state === 'active');
    if (row === undefined || row.reserved + count > limit) return false;
    row.reserved += count;
    return true;
  }

  async retire(org: string, id: string): Promise<void> {
    const row = this.#of(org).find((candidate) => candidate.id === id && candidate.state === 'active');
    if (row !== undefined) row.state = 'decrypt_only';
  }

  async undestroyed(org: string): Promise<DataKeyRecord[]> {
    return this.#of(org)
      .filter((row) => row.state !== 'destroyed')
      .map((row) => ({ ...row }));
  }

  async replaceWrapped(org: string, id: string, expected: Buffer, next: WrappedKey): Promise<boolean> {
    const row = this.#of(org).find((candidate) => candidate.id === id && candidate.wrapped.equals(expected));
    if (row === undefined || row.state === 'destroyed') return false;
    Object.assign(row, { wrapped: next.wrapped, kmsKeyId: next.kmsKeyId });
    return true;
  }

  async destroyAll(org: string): Promise<number> {
    const rows = this.#of(org).filter((row) => row.state !== 'destroyed');
    for (const row of rows) Object.assign(row, { state: 'destroyed', wrapped: Buffer.alloc(0) });
    if (this.#of(org).length === 0) {
      const mark = { id: newId('dek'), org, wrapped: Buffer.alloc(0), kmsKeyId: '', createdAt: new Date(), reserved: 0 };
      this.#rows.set(mark.id, { ...mark, state: 'destroyed' });
    }
    return rows.length;
  }

  async organizations(after: string | null, limit: number): Promise<string[]> {
    return [...this.#organizations]
      .filter((org) => after === null || org > after)
      .sort()
      .slice(0, limit);
  }

  #of(org: string): Row[] {
    return [...this.#rows.values()].filter((row) => row.org === org);
  }
}

function copy(row: Row | undefined): DataKeyRecord | null {
  return row === undefined ? null : { ...row };
}
