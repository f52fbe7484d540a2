import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

export interface NewArtifact {
  id: string;
  org: string;
  agent: string;
  user: string;
  execution: string;
  contentType: string;
  bytes: number;
  sha256: Buffer;
  keepMs: number;
  /** That the agent may have kept, this one included. */
  mostBytes: number;
}

export interface ArtifactAddress {
  org: string;
  id: string;
}

const ADD = {
  name: 'execution.add_artifact',
  text: 'SELECT execution.add_artifact($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS expires_at',
};
const EXPIRED = { name: 'execution.expired_artifacts', text: 'SELECT org, id FROM execution.expired_artifacts($1)' };
const FORGET = { name: 'execution.forget_artifacts', text: 'SELECT execution.forget_artifacts($1) AS forgotten' };

/** Table execution.artifact, through its functions. All throw KeywardError `dependency_unavailable`. */
export class ArtifactRows {
  constructor(private readonly dataSource: DataSource) {}

  /** @returns when it expires, by the database's clock; undefined where the agent has too much already */
  async add({ id, org, agent, user, execution, contentType, bytes, sha256, keepMs, mostBytes }: NewArtifact) {
    const values = [id, org, agent, user, execution, contentType, bytes, sha256, keepMs, mostBytes];
    const [row] = await prepared<{ expires_at: Date | null }>(this.dataSource, ADD, values);
    return row?.expires_at ?? undefined;
  }

  expired(limit: number): Promise<ArtifactAddress[]> {
    return prepared<ArtifactAddress>(this.dataSource, EXPIRED, [limit]);
  }

  async forget(ids: readonly string[]): Promise<void> {
    await prepared(this.dataSource, FORGET, [ids]);
  }
}
