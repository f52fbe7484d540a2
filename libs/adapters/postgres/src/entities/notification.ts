import type { BudgetEvent, ErrorCode, WebhookDelivery, WebhookEndpoint, WebhookEventType } from '@keyward/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An address of an organization that is told of events. */
@Entity({ schema: 'notification', name: 'webhook_endpoint' })
export class WebhookEndpointEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  url!: string;

  @Column('text', { array: true })
  events!: WebhookEventType[];

  @Column('text', { default: '' })
  description!: string;

  @Column('boolean', { default: true })
  enabled!: boolean;

  /** Set where Keyward has disabled it itself. */
  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason!: WebhookEndpoint['disabledReason'];

  /** Since when every attempt has failed. */
  @Column('timestamptz', { name: 'failing_since', nullable: true })
  failingSince!: Date | null;

  /** Until when it is left alone: it asked for that, or keeps failing. */
  @Column('timestamptz', { name: 'resume_at', nullable: true })
  resumeAt!: Date | null;

  /** It is told of nothing that happened before. */
  @Column('timestamptz', { name: 'told_since', default: () => 'now()' })
  toldSince!: Date;

  /** Counts rotations: each secret is sealed under its own. */
  @Column('integer', { name: 'secret_generation', default: 1 })
  secretGeneration!: number;

  @Column('bytea', { name: 'sealed_secret' })
  sealedSecret!: Buffer;

  /** Of the generation before, as long as messages are signed with it too. */
  @Column('bytea', { name: 'previous_sealed_secret', nullable: true })
  previousSealedSecret!: Buffer | null;

  @Column('timestamptz', { name: 'previous_secret_until', nullable: true })
  previousSecretUntil!: Date | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}

/** One event for one endpoint. It names the connection and not its user: the message is made when it is sent. */
@Entity({ schema: 'notification', name: 'webhook_delivery' })
export class WebhookDeliveryEntity {
  @PrimaryColumn('text', { name: 'endpoint_id' })
  endpointId!: string;

  @PrimaryColumn('text', { name: 'event_id' })
  eventId!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  type!: WebhookEventType;

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt!: Date;

  /** Null where it is about a budget. */
  @Column('text', { nullable: true })
  provider!: string | null;

  @Column('text', { name: 'connection_id', nullable: true })
  connectionId!: string | null;

  @Column('text', { name: 'provider_app_id', nullable: true })
  providerAppId!: string | null;

  /** What the message says of the budget that it is about. */
  @Column('jsonb', { nullable: true })
  budget!: BudgetEvent['budget'] | null;

  /** Of the connection's credential. */
  @Column('integer', { nullable: true })
  generation!: number | null;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('text', { default: 'pending' })
  state!: WebhookDelivery['state'];

  @Column('integer', { default: 0 })
  attempts!: number;

  /** Of a delivery in hand: when its lease ends. */
  @Column('timestamptz', { name: 'next_attempt_at', default: () => 'now()' })
  nextAttemptAt!: Date;

  @Column('integer', { name: 'last_status', nullable: true })
  lastStatus!: number | null;

  @Column('text', { name: 'last_error', nullable: true })
  lastError!: ErrorCode | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'settled_at', nullable: true })
  settledAt!: Date | null;
}
