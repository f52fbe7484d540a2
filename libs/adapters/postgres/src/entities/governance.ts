import type { AgentManifest, BudgetAction, BudgetPeriod, PermissionLevel } from '@keyward/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The driver gives bigint as text. */
const WHOLE = {
  to: (value: number | null | undefined) => value,
  from: (text: string | null) => (text === null ? null : Number(text)),
};

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

/** What an agent declared to need, as it was last applied. */
@Entity({ schema: 'governance', name: 'agent_manifest' })
export class AgentManifestEntity {
  @PrimaryColumn('text', { name: 'agent_id' })
  agentId!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('integer')
  version!: number;

  @Column('jsonb')
  manifest!: AgentManifest;

  @Column('text', { name: 'applied_by' })
  appliedBy!: string;

  @Column('timestamptz', { name: 'applied_at', default: () => 'now()' })
  appliedAt!: Date;
}

/** An agent that may be given access tokens of a provider. */
@Entity({ schema: 'governance', name: 'token_release' })
export class TokenReleaseEntity {
  @PrimaryColumn('text', { name: 'agent_id' })
  agentId!: string;

  @PrimaryColumn('text')
  provider!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}

/** What an organization changes about a connector of the deployment. */
@Entity({ schema: 'governance', name: 'connector_overlay' })
export class ConnectorOverlayEntity {
  @PrimaryColumn('text', { name: 'org_id' })
  orgId!: string;

  @PrimaryColumn('text')
  connector!: string;

  @Column('integer', { default: 1 })
  version!: number;

  /** overlay.yaml, as posted. */
  @Column('text')
  definition!: string;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}

/** A connector that an organization posted. */
@Entity({ schema: 'governance', name: 'connector' })
export class ConnectorEntity {
  @PrimaryColumn('text', { name: 'org_id' })
  orgId!: string;

  @PrimaryColumn('text')
  name!: string;

  @Column('integer', { default: 1 })
  version!: number;

  /** connector.yaml, as posted. */
  @Column('text')
  manifest!: string;

  /** tools.yaml, as posted. */
  @Column('text', { nullable: true })
  tools!: string | null;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}

/** How many calls, or how much cost, there may be in a period. */
@Entity({ schema: 'governance', name: 'budget' })
export class BudgetEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  name!: string;

  /** Null, as the next three: any. */
  @Column('text', { name: 'agent_id', nullable: true })
  agentId!: string | null;

  @Column('text', { name: 'user_id', nullable: true })
  userId!: string | null;

  @Column('text', { nullable: true })
  tool!: string | null;

  @Column('text', { nullable: true })
  connector!: string | null;

  @Column('text')
  period!: BudgetPeriod;

  @Column('bigint', { name: 'max_calls', nullable: true, transformer: WHOLE })
  maxCalls!: number | null;

  /** Millionths of the deployment's currency. */
  @Column('bigint', { name: 'max_cost_micros', nullable: true, transformer: WHOLE })
  maxCostMicros!: number | null;

  @Column('double precision', { name: 'warn_at', array: true })
  warnAt!: number[];

  @Column('text', { name: 'on_exceeded' })
  onExceeded!: BudgetAction;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
