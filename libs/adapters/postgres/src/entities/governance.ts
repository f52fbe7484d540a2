import type { PermissionLevel } from '@keyward/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Which tools of a connector an agent may call. */
@Entity({ schema: 'governance', name: 'assignment' })
export class AssignmentEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'agent_id' })
  agentId!: string;

  @Column('text')
  connector!: string;

  @Column('text')
  permission!: PermissionLevel;

  /** Null: all tools of the connector, up to the permission level. */
  @Column('text', { array: true, nullable: true })
  tools!: string[] | null;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
