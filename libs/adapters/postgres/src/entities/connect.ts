import type { ConnectionKind } from '@keyward/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

export type ConnectSessionState = 'created' | 'opened' | 'redirected' | 'completed' | 'failed' | 'cancelled';

/** One person's invitation to connect one account for one agent. */
@Entity({ schema: 'connect', name: 'connect_session' })
export class ConnectSessionEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { default: 'agent' })
  kind!: ConnectionKind;

  /** Null for a workspace connection. */
  @Column('text', { name: 'agent_id', nullable: true })
  agentId!: string | null;

  /** Null for a workspace connection. */
  @Column('text', { name: 'user_id', nullable: true })
  userId!: string | null;

  /** Agents that may use the workspace connection. */
  @Column('text', { array: true, default: () => `'{}'` })
  grantees!: string[];

  /** Connection parameters that whoever made the link knew. */
  @Column('jsonb', { default: {} })
  parameters!: Record<string, string>;

  /** When the person proved, by signing in, to be who the link was made for. */
  @Column('timestamptz', { name: 'signed_in_at', nullable: true })
  signedInAt!: Date | null;

  /** Who of several identical requests at once does the work: until then the others only look. */
  @Column('timestamptz', { name: 'busy_until', default: () => `'epoch'` })
  busyUntil!: Date;

  @Column('text')
  provider!: string;

  @Column('text')
  alias!: string;

  @Column('text', { array: true })
  scopes!: string[];

  @Column('text', { name: 'return_url', nullable: true })
  returnUrl!: string | null;

  @Column('text', { name: 'initiator_kind' })
  initiatorKind!: 'agent' | 'admin';

  @Column('text', { name: 'initiator_id' })
  initiatorId!: string;

  /** SHA-256 of the secret in the link. */
  @Column('bytea', { name: 'token_sha256' })
  tokenSha256!: Buffer;

  /** SHA-256 of the cookie of the browser that opened the link first; null until then. */
  @Column('bytea', { name: 'browser_sha256', nullable: true })
  browserSha256!: Buffer | null;

  @Column('text')
  state!: ConnectSessionState;

  @Column('text', { nullable: true })
  failure!: string | null;

  @Column('text', { name: 'connection_id', nullable: true })
  connectionId!: string | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;
}

/** One authorization request under way at a provider. */
@Entity({ schema: 'connect', name: 'authorization_transaction' })
export class AuthorizationTransactionEntity {
  /** SHA-256 of the state parameter: what is stored can't be replayed. */
  @PrimaryColumn('bytea', { name: 'state_sha256' })
  stateSha256!: Buffer;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'session_id' })
  sessionId!: string;

  @Column('text', { name: 'provider_app_id' })
  providerAppId!: string;

  @Column('bytea', { name: 'sealed_verifier' })
  sealedVerifier!: Buffer;

  @Column('text', { name: 'redirect_uri' })
  redirectUri!: string;

  /** Connection parameters that this attempt was made with. */
  @Column('jsonb', { default: {} })
  parameters!: Record<string, string>;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  /** Set by the one callback that may exchange the code. */
  @Column('timestamptz', { name: 'used_at', nullable: true })
  usedAt!: Date | null;
}

/** A device authorization under way (RFC 8628): what we poll for. */
@Entity({ schema: 'connect', name: 'device_authorization' })
export class DeviceAuthorizationEntity {
  @PrimaryColumn('text', { name: 'session_id' })
  sessionId!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'provider_app_id' })
  providerAppId!: string;

  @Column('bytea', { name: 'sealed_device_code' })
  sealedDeviceCode!: Buffer;

  @Column('text', { name: 'user_code' })
  userCode!: string;

  @Column('text', { name: 'verification_uri' })
  verificationUri!: string;

  @Column('text', { name: 'verification_uri_complete', nullable: true })
  verificationUriComplete!: string | null;

  /** Connection parameters that this attempt was made with. */
  @Column('jsonb', { default: {} })
  parameters!: Record<string, string>;

  @Column('integer', { name: 'interval_seconds' })
  intervalSeconds!: number;

  @Column('timestamptz', { name: 'next_poll_at' })
  nextPollAt!: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;
}

/** A code that came by webhook and waits for the browser that it belongs to. */
@Entity({ schema: 'connect', name: 'delivered_code' })
export class DeliveredCodeEntity {
  @PrimaryColumn('text', { name: 'provider_app_id' })
  providerAppId!: string;

  /** SHA-256 of what the webhook and the redirect have in common. */
  @PrimaryColumn('bytea', { name: 'correlation_sha256' })
  correlationSha256!: Buffer;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('bytea', { name: 'sealed_code' })
  sealedCode!: Buffer;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;
}
