import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Not bound to `keyward.org`: auth-service lists and makes organizations; no other service has a right on the table. */
@Entity({ schema: 'identity', name: 'organization' })
export class OrganizationEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text')
  slug!: string;

  @Column('text')
  name!: string;

  /** Where a person may be sent after connecting; compared exactly. */
  @Column('text', { name: 'return_urls', array: true })
  returnUrls!: string[];

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}

@Entity({ schema: 'identity', name: 'agent' })
export class AgentEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  slug!: string;

  @Column('text')
  name!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}

@Entity({ schema: 'identity', name: 'agent_key' })
export class AgentKeyEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'agent_id' })
  agentId!: string;

  /** SHA-256 of the key's secret part, 32 bytes. The secret has 256 bits of entropy, so a slow hash would add nothing. */
  @Column('bytea', { name: 'secret_sha256' })
  secretSha256!: Buffer;

  @Column('text', { name: 'last_four' })
  lastFour!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}
