import type { Readable } from 'node:stream';
import { idSchema, KeywardError, type AgentAddress } from '@keyward/contracts';
import { objectKey, type ObjectStore } from '@keyward/objects';
import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

export interface ArtifactContent {
  contentType: string;
  bytes: number;
  sha256: Buffer;
  body: Readable;
}

const FIND = {
  name: 'execution.find_artifact',
  text: 'SELECT content_type, bytes, sha256 FROM execution.find_artifact($1, $2, $3)',
};

interface Row {
  content_type: string;
  /** The driver gives a bigint as a text. */
  bytes: string;
  sha256: Buffer;
}

const artifactId = idSchema('art');

/** Results that are too large for the bus, for the agent whose call they are the output of. */
export class ArtifactReader {
  /** @param store undefined where the deployment has none */
  constructor(
    private readonly dataSource: DataSource,
    private readonly store: ObjectStore | undefined,
  ) {}

  /** @throws KeywardError `not_found` (malformed, foreign, expired or never there), `dependency_unavailable` */
  async open({ org, agent }: AgentAddress, id: string): Promise<ArtifactContent> {
    if (this.store === undefined || !artifactId.safeParse(id).success) throw notFound();
    const [row] = await prepared<Row>(this.dataSource, FIND, [org, agent, id]);
    const body = row === undefined ? undefined : await this.store.get(objectKey(org, id));
    if (row === undefined || body === undefined) throw notFound();
    return { contentType: row.content_type, bytes: Number(row.bytes), sha256: row.sha256, body };
  }
}

function notFound(): KeywardError {
  return new KeywardError('not_found', 'There is no result with this id, or it is no longer kept.');
}
