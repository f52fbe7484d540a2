import type { ConnectionStatus } from '@keyward/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An organization's own OAuth client at one provider. */
@Entity({ schema: 'vault', name: 'provider_app' })
export class ProviderAppEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  provider!: string;

  @Column('text', { name: 'client_id' })
  clientId!: string;

  /** Null for a public client. */
  @Column('bytea', { name: 'sealed_secret', nullable: true })
  sealedSecret!: Buffer | null;

  /** Last segment of the redirect URI: distinct per organization and app (RFC 9700 section 4.4). */
  @Column('text', { name: 'callback_context' })
  callbackContext!: string;

  /** Part of what the sealed secret is bound to; rises when the secret is replaced. */
  @Column('integer', { default: 1 })
  generation!: number;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}

/** Who may use whose account at which provider. Metadata only; the tokens are a row of their own. */
@Entity({ schema: 'vault', name: 'connection' })
export class ConnectionEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'user_id' })
  userId!: string;

  @Column('text')
  provider!: string;

  @Column('text', { name: 'agent_id' })
  agentId!: string;

  @Column('text', { default: 'default' })
  alias!: string;

  @Column('text', { name: 'provider_app_id' })
  providerAppId!: string;

  /** As the provider granted them, not as we asked. */
  @Column('text', { array: true, default: () => `'{}'` })
  scopes!: string[];

  @Column('text')
  status!: ConnectionStatus;

  @Column('text', { name: 'status_reason', nullable: true })
  statusReason!: string | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}

/** The sealed tokens of one connection, and the lease under which one of them is redeemed. */
@Entity({ schema: 'vault', name: 'credential' })
export class CredentialEntity {
  @PrimaryColumn('text', { name: 'connection_id' })
  connectionId!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('bytea', { name: 'sealed_access' })
  sealedAccess!: Buffer;

  @Column('bytea', { name: 'sealed_refresh', nullable: true })
  sealedRefresh!: Buffer | null;

  @Column('timestamptz', { name: 'access_expires_at', nullable: true })
  accessExpiresAt!: Date | null;

  @Column('timestamptz', { name: 'refresh_at', nullable: true })
  refreshAt!: Date | null;

  @Column('integer')
  generation!: number;

  @Column('text', { name: 'lease_owner', nullable: true })
  leaseOwner!: string | null;

  @Column('timestamptz', { name: 'lease_until', nullable: true })
  leaseUntil!: Date | null;

  /** The generation that the lease holder means to redeem. */
  @Column('integer', { name: 'lease_generation', nullable: true })
  leaseGeneration!: number | null;

  /** Consecutive refreshes that failed. */
  @Column('integer', { default: 0 })
  failures!: number;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
