import type { MemberRole, UserClaim } from '@keyward/contracts';
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

  /** Whether people sign in before they connect. */
  @Column('boolean', { name: 'sign_in_to_connect', default: false })
  signInToConnect!: boolean;

  /** The claim of theirs that must be the session's user. */
  @Column('text', { name: 'user_claim', default: 'sub' })
  userClaim!: UserClaim;

  /** Since then none of its secrets opens. */
  @Column('timestamptz', { name: 'shredded_at', nullable: true })
  shreddedAt!: Date | null;

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

  /** Set when it is rotated: it works on until then. */
  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;
}

/** A person who may administer the organization, or look at it. */
@Entity({ schema: 'identity', name: 'member' })
export class MemberEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  /** Lower case. */
  @Column('text')
  email!: string;

  /** Null until the first sign-in. */
  @Column('text', { nullable: true })
  issuer!: string | null;

  @Column('text', { nullable: true })
  subject!: string | null;

  @Column('text')
  role!: MemberRole;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'last_sign_in_at', nullable: true })
  lastSignInAt!: Date | null;
}

/** A person who is signed in. Of no organization: which ones they are a member of is asked with each request. */
@Entity({ schema: 'identity', name: 'person_session' })
export class PersonSessionEntity {
  /** SHA-256 of what the browser or the command line holds. */
  @PrimaryColumn('bytea', { name: 'secret_sha256' })
  secretSha256!: Buffer;

  @Column('text')
  kind!: 'browser' | 'cli';

  @Column('text')
  issuer!: string;

  @Column('text')
  subject!: string;

  @Column('text', { nullable: true })
  email!: string | null;

  @Column('text', { name: 'preferred_username', nullable: true })
  preferredUsername!: string | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}

/** An issuer of workload identities, such as a Kubernetes cluster. */
@Entity({ schema: 'identity', name: 'trusted_issuer' })
export class TrustedIssuerEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  issuer!: string;

  @Column('text')
  audience!: string;

  /** Null: found by OpenID Connect Discovery. */
  @Column('text', { name: 'jwks_uri', nullable: true })
  jwksUri!: string | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}

/** Which workloads of an issuer are which agent. */
@Entity({ schema: 'identity', name: 'workload_binding' })
export class WorkloadBindingEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'trusted_issuer_id' })
  trustedIssuerId!: string;

  @Column('text', { name: 'agent_id' })
  agentId!: string;

  /** Every one must be in the token, and equal. */
  @Column('jsonb')
  claims!: Record<string, string>;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
