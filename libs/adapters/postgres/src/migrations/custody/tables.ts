/** What custody adds: see docs/ARCHITECTURE.md, "A connection's life". Bytes named `sealed_…` are envelopes of libs/vault. */
export const IDENTITY = `
/* Whether people sign in before they connect, and which claim of theirs must be the session's user (docs/adr/0008). */
ALTER TABLE identity.organization
  ADD COLUMN sign_in_to_connect boolean NOT NULL DEFAULT false,
  ADD COLUMN user_claim text NOT NULL DEFAULT 'sub' CHECK (user_claim IN ('sub', 'email', 'preferred_username')),
  ADD COLUMN shredded_at timestamptz;
/* Rotation with overlap: the old key works on until then. */
ALTER TABLE identity.agent_key ADD COLUMN expires_at timestamptz;
CREATE TABLE identity.member (
  id text PRIMARY KEY,
  org_id text NOT NULL REFERENCES identity.organization (id),
  /* Lower case. Who it is at the identity provider is known from the first sign-in on, and fixed then. */
  email text NOT NULL CHECK (email = lower(email)),
  issuer text,
  subject text,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'auditor', 'viewer')),
  created_at timestamptz NOT NULL DEFAULT now(),
  last_sign_in_at timestamptz,
  UNIQUE (org_id, email),
  CHECK ((issuer IS NULL) = (subject IS NULL))
);
CREATE INDEX ON identity.member (issuer, subject);
CREATE INDEX ON identity.member (email) WHERE issuer IS NULL;
/* Of a person, who may be a member of several organizations: no row-level security, and no role but auth-service's. */
CREATE TABLE identity.person_session (
  secret_sha256 bytea PRIMARY KEY CHECK (length(secret_sha256) = 32),
  kind text NOT NULL CHECK (kind IN ('browser', 'cli')),
  issuer text NOT NULL,
  subject text NOT NULL,
  email text,
  /* Other claims of the identity token that organizations may compare users by. */
  preferred_username text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX ON identity.person_session (expires_at);
CREATE TABLE identity.trusted_issuer (
  id text PRIMARY KEY,
  org_id text NOT NULL REFERENCES identity.organization (id),
  issuer text NOT NULL,
  audience text NOT NULL,
  /* Null: found by OpenID Connect Discovery. */
  jwks_uri text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, issuer, audience),
  UNIQUE (org_id, id)
);
CREATE INDEX ON identity.trusted_issuer (issuer);
/* Which workloads of an issuer are which agent: every claim named must be there and equal. */
CREATE TABLE identity.workload_binding (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  trusted_issuer_id text NOT NULL,
  agent_id text NOT NULL,
  claims jsonb NOT NULL CHECK (jsonb_typeof(claims) = 'object' AND claims <> '{}'),
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (org_id, trusted_issuer_id) REFERENCES identity.trusted_issuer (org_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id)
);
`;

export const GOVERNANCE = `
CREATE TABLE governance.agent_manifest (
  agent_id text PRIMARY KEY,
  org_id text NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  manifest jsonb NOT NULL,
  applied_by text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id)
);
/* get_access_token is refused to everyone who is not here. */
CREATE TABLE governance.token_release (
  org_id text NOT NULL,
  agent_id text NOT NULL,
  provider text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (agent_id, provider),
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id)
);
/* Connectors that an organization posted. They exist for it alone. */
CREATE TABLE governance.connector (
  org_id text NOT NULL REFERENCES identity.organization (id),
  name text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  manifest text NOT NULL,
  tools text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, name)
);
`;

export const VAULT = `
ALTER TABLE vault.provider_app
  ADD COLUMN sealed_key bytea,
  /* PEM, public. For tls_client_auth, and for providers whose API wants to see it. */
  ADD COLUMN certificate text,
  ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN registration text NOT NULL DEFAULT 'pre_registered'
    CHECK (registration IN ('pre_registered', 'client_id_metadata_document', 'dynamic')),
  /* Of the authorization server that a discovered registration belongs to, and what was found there (RFC 8414). */
  ADD COLUMN issuer text,
  ADD COLUMN metadata jsonb;

/* Kind agent: one user's account, for one agent. Kind workspace: authorized by an admin for the organization, used by the agents named
   in vault.connection_grantee and no others. */
ALTER TABLE vault.connection
  ALTER COLUMN user_id DROP NOT NULL,
  ALTER COLUMN agent_id DROP NOT NULL,
  ALTER COLUMN provider_app_id DROP NOT NULL,
  ADD COLUMN kind text NOT NULL DEFAULT 'agent' CHECK (kind IN ('agent', 'workspace')),
  ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN account_id text,
  ADD COLUMN account_name text,
  ADD COLUMN authorized_by_kind text CHECK (authorized_by_kind IN ('user', 'admin')),
  ADD COLUMN authorized_by_id text,
  ADD CONSTRAINT connection_owner CHECK ((kind = 'agent') = (agent_id IS NOT NULL) AND (kind = 'agent') = (user_id IS NOT NULL));
UPDATE vault.connection SET authorized_by_kind = 'user', authorized_by_id = user_id;
DROP INDEX vault.connection_key;
CREATE UNIQUE INDEX connection_key ON vault.connection (org_id, agent_id, user_id, provider, alias)
  WHERE status <> 'revoked' AND kind = 'agent';
CREATE UNIQUE INDEX connection_workspace_key ON vault.connection (org_id, provider, alias) WHERE status <> 'revoked' AND kind = 'workspace';
CREATE INDEX connection_of_user ON vault.connection (org_id, user_id);
/* What an agent may use, revoked ones included: looked up at every door that lists connections. */
CREATE INDEX connection_of_agent ON vault.connection (agent_id);
CREATE TABLE vault.connection_grantee (
  connection_id text NOT NULL,
  org_id text NOT NULL,
  agent_id text NOT NULL,
  PRIMARY KEY (connection_id, agent_id),
  FOREIGN KEY (org_id, connection_id) REFERENCES vault.connection (org_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id)
);
CREATE INDEX ON vault.connection_grantee (agent_id);
/* Every authorization that a connection ever had. Scopes are locked: another set of them is another row. */
CREATE TABLE vault.connection_authorization (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  connection_id text NOT NULL,
  generation integer NOT NULL,
  requested_scopes text[] NOT NULL,
  scopes text[] NOT NULL,
  authorized_by_kind text NOT NULL CHECK (authorized_by_kind IN ('user', 'admin')),
  authorized_by_id text NOT NULL,
  session_id text,
  authorized_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (org_id, connection_id) REFERENCES vault.connection (org_id, id) ON DELETE CASCADE
);
CREATE INDEX ON vault.connection_authorization (connection_id, authorized_at);

/* Whether there is a way to the next token without the person: a refresh token, or a grant that is made again. */
ALTER TABLE vault.credential
  ADD COLUMN renewable boolean NOT NULL DEFAULT false,
  /* When this generation was stored: some providers extend no token that is too young. */
  ADD COLUMN obtained_at timestamptz NOT NULL DEFAULT now();
UPDATE vault.credential SET renewable = sealed_refresh IS NOT NULL, obtained_at = updated_at;
DROP INDEX vault.credential_expiry;
CREATE INDEX credential_expiry ON vault.credential (access_expires_at) WHERE renewable;
`;

export const CONNECT = `
ALTER TABLE connect.connect_session
  ALTER COLUMN agent_id DROP NOT NULL,
  ALTER COLUMN user_id DROP NOT NULL,
  ADD COLUMN kind text NOT NULL DEFAULT 'agent' CHECK (kind IN ('agent', 'workspace')),
  /* Of a workspace connection: who may use it. */
  ADD COLUMN grantees text[] NOT NULL DEFAULT '{}',
  /* Connection parameters that whoever made the link knew. */
  ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}',
  /* When the person proved, by signing in, to be the one that the link was made for. */
  ADD COLUMN signed_in_at timestamptz,
  /* Who of several identical requests at once does the work: until then the others only look. */
  ADD COLUMN busy_until timestamptz NOT NULL DEFAULT 'epoch',
  ADD CONSTRAINT session_owner CHECK ((kind = 'agent') = (agent_id IS NOT NULL) AND (kind = 'agent') = (user_id IS NOT NULL));
/* Connection parameters that this attempt was made with. */
ALTER TABLE connect.authorization_transaction ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}';
/* RFC 8628: what we poll for while the person is at the provider with another screen. */
CREATE TABLE connect.device_authorization (
  session_id text PRIMARY KEY REFERENCES connect.connect_session (id) ON DELETE CASCADE,
  org_id text NOT NULL,
  provider_app_id text NOT NULL,
  sealed_device_code bytea NOT NULL,
  user_code text NOT NULL,
  verification_uri text NOT NULL,
  verification_uri_complete text,
  /* Connection parameters that this attempt was made with. */
  parameters jsonb NOT NULL DEFAULT '{}',
  interval_seconds integer NOT NULL,
  next_poll_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
/* A code that came by webhook: it waits for the browser that it belongs to. */
CREATE TABLE connect.delivered_code (
  provider_app_id text NOT NULL,
  correlation_sha256 bytea NOT NULL,
  org_id text NOT NULL,
  sealed_code bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (provider_app_id, correlation_sha256)
);
`;
