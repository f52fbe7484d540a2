import type { ClientRegistration, ConnectionKind, ConnectionStatus } from '@keyward/contracts';
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

  /** Private key for assertions, private_key_jwt and tls_client_auth. */
  @Column('bytea', { name: 'sealed_key', nullable: true })
  sealedKey!: Buffer | null;

  /** PEM. */
  @Column('text', { nullable: true })
  certificate!: string | null;

  /** `${app.…}` of the manifest. */
  @Column('jsonb', { default: {} })
  parameters!: Record<string, string>;

  @Column('text', { default: 'pre_registered' })
  registration!: ClientRegistration;

  /** Of the authorization server that a discovered registration belongs to. */
  @Column('text', { nullable: true })
  issuer!: string | null;

  /** What that server says of itself (RFC 8414). */
  @Column('jsonb', { nullable: true })
  metadata!: Record<string, unknown> | null;

  /** Last segment of the redirect URI: distinct per organization and app (RFC 9700 section 4.4). */
  @Column('text', { name: 'callback_context' })
  callbackContext!: string;

  /** Part of what the sealed secret is bound to; rises when the secret is replaced. */
  @Column('integer', { default: 1 })
  generation!: number;

  /** Since when its provider rejects it: its connections wait, and are not to blame. */
  @Column('timestamptz', { name: 'rejected_at', nullable: true })
  rejectedAt!: Date | null;

  /** For people. */
  @Column('text', { name: 'rejected_reason', nullable: true })
  rejectedReason!: string | null;

  /** When one of its connections tries again. */
  @Column('timestamptz', { name: 'rejected_retry_at', nullable: true })
  rejectedRetryAt!: Date | null;

  /** In a row. */
  @Column('integer', { default: 0 })
  rejections!: number;

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

  @Column('text', { default: 'agent' })
  kind!: ConnectionKind;

  /** Null: it belongs to the workspace. */
  @Column('text', { name: 'user_id', nullable: true })
  userId!: string | null;

  @Column('text')
  provider!: string;

  /** Null: it belongs to the workspace. */
  @Column('text', { name: 'agent_id', nullable: true })
  agentId!: string | null;

  @Column('text', { default: 'default' })
  alias!: string;

  /** Null where the kind of grant needs no registration. */
  @Column('text', { name: 'provider_app_id', nullable: true })
  providerAppId!: string | null;

  /** `${connection.…}` of the manifest. */
  @Column('jsonb', { default: {} })
  parameters!: Record<string, string>;

  /** Whose account it is, in the provider's words, where its probe says. */
  @Column('text', { name: 'account_id', nullable: true })
  accountId!: string | null;

  @Column('text', { name: 'account_name', nullable: true })
  accountName!: string | null;

  @Column('text', { name: 'authorized_by_kind', nullable: true })
  authorizedByKind!: 'user' | 'admin' | null;

  @Column('text', { name: 'authorized_by_id', nullable: true })
  authorizedById!: string | null;

  /** As the provider granted them, not as we asked. */
  @Column('text', { array: true, default: () => `'{}'` })
  scopes!: string[];

  @Column('text')
  status!: ConnectionStatus;

  @Column('text', { name: 'status_reason', nullable: true })
  statusReason!: string | null;

  /** Since when a person is asked to authorize again. */
  @Column('timestamptz', { name: 'reauthorization_asked_at', nullable: true })
  reauthorizationAskedAt!: Date | null;

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

  /** As of its connection. */
  @Column('text')
  provider!: string;

  @Column('bytea', { name: 'sealed_access' })
  sealedAccess!: Buffer;

  @Column('bytea', { name: 'sealed_refresh', nullable: true })
  sealedRefresh!: Buffer | null;

  /** Whether there is a way to the next token without the person. */
  @Column('boolean', { default: false })
  renewable!: boolean;

  @Column('timestamptz', { name: 'obtained_at', default: () => 'now()' })
  obtainedAt!: Date;

  @Column('timestamptz', { name: 'access_expires_at', nullable: true })
  accessExpiresAt!: Date | null;

  /** Null: only when somebody asks. */
  @Column('timestamptz', { name: 'refresh_at', nullable: true })
  refreshAt!: Date | null;

  /** When it is refreshed while it is in use. */
  @Column('timestamptz', { name: 'awake_refresh_at', nullable: true })
  awakeRefreshAt!: Date | null;

  /** When the refresh token itself ends, unless it is used before; null: not known to end. */
  @Column('timestamptz', { name: 'refresh_expires_at', nullable: true })
  refreshExpiresAt!: Date | null;

  @Column('timestamptz', { name: 'last_used_at', default: () => 'now()' })
  lastUsedAt!: Date;

  @Column('integer')
  generation!: number;

  @Column('text', { name: 'lease_owner', nullable: true })
  leaseOwner!: string | null;

  @Column('timestamptz', { name: 'lease_until', nullable: true })
  leaseUntil!: Date | null;

  /** The generation that the lease holder means to redeem. */
  @Column('integer', { name: 'lease_generation', nullable: true })
  leaseGeneration!: number | null;

  /** When a token request of this generation was begun whose answer is not known. */
  @Column('timestamptz', { name: 'sent_at', nullable: true })
  sentAt!: Date | null;

  /** Consecutive refreshes that failed. */
  @Column('integer', { default: 0 })
  failures!: number;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}

/** An agent that may use a workspace connection. */
@Entity({ schema: 'vault', name: 'connection_grantee' })
export class ConnectionGranteeEntity {
  @PrimaryColumn('text', { name: 'connection_id' })
  connectionId!: string;

  @PrimaryColumn('text', { name: 'agent_id' })
  agentId!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;
}

/** One of the authorizations that a connection has had. */
@Entity({ schema: 'vault', name: 'connection_authorization' })
export class ConnectionAuthorizationEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'connection_id' })
  connectionId!: string;

  @Column('integer')
  generation!: number;

  @Column('text', { name: 'requested_scopes', array: true })
  requestedScopes!: string[];

  /** As granted. */
  @Column('text', { array: true })
  scopes!: string[];

  @Column('text', { name: 'authorized_by_kind' })
  authorizedByKind!: 'user' | 'admin';

  @Column('text', { name: 'authorized_by_id' })
  authorizedById!: string;

  @Column('text', { name: 'session_id', nullable: true })
  sessionId!: string | null;

  @Column('timestamptz', { name: 'authorized_at', default: () => 'now()' })
  authorizedAt!: Date;
}
