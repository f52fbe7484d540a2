/** Tables of the services, one schema per owner. Bytes named `sealed_…` are envelopes of libs/vault; nothing else holds a secret. */
export const IDENTITY = `
CREATE SCHEMA identity;
CREATE TABLE identity.organization (
  id text PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  name text NOT NULL,
  return_urls text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE identity.agent (
  id text PRIMARY KEY,
  org_id text NOT NULL REFERENCES identity.organization (id),
  slug text NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, slug),
  UNIQUE (org_id, id)
);
CREATE TABLE identity.agent_key (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  agent_id text NOT NULL,
  secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
  last_four text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id)
);
CREATE INDEX ON identity.agent_key (agent_id);
`;

export const GOVERNANCE = `
CREATE SCHEMA governance;
CREATE TABLE governance.assignment (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  agent_id text NOT NULL,
  connector text NOT NULL,
  permission text NOT NULL CHECK (permission IN ('read', 'write', 'destructive')),
  tools text[],
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, connector),
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id)
);
`;

export const VAULT = `
CREATE SCHEMA vault;
CREATE TABLE vault.data_key (
  id text PRIMARY KEY,
  org_id text NOT NULL REFERENCES identity.organization (id),
  wrapped bytea NOT NULL,
  kms_key_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('active', 'decrypt_only', 'destroyed')),
  /* Messages that processes have reserved the right to seal under this key: the nonce budget, see docs/storage-format.md. */
  reserved_messages bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz
);
CREATE UNIQUE INDEX data_key_one_active ON vault.data_key (org_id) WHERE state = 'active';
CREATE TABLE vault.provider_app (
  id text PRIMARY KEY,
  org_id text NOT NULL REFERENCES identity.organization (id),
  provider text NOT NULL,
  client_id text NOT NULL,
  sealed_secret bytea,
  /* Last segment of the redirect URI: distinct per org and app (RFC 9700 section 4.4). */
  callback_context text NOT NULL UNIQUE,
  generation integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, provider),
  UNIQUE (org_id, id)
);
CREATE TABLE vault.connection (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  user_id text NOT NULL,
  provider text NOT NULL,
  agent_id text NOT NULL,
  alias text NOT NULL DEFAULT 'default',
  provider_app_id text NOT NULL,
  scopes text[] NOT NULL DEFAULT '{}',
  status text NOT NULL CHECK (status IN ('pending', 'active', 'needs_reauthorization', 'revoked')),
  status_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (org_id, id),
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id),
  FOREIGN KEY (org_id, provider_app_id) REFERENCES vault.provider_app (org_id, id)
);
CREATE UNIQUE INDEX connection_key ON vault.connection (org_id, agent_id, user_id, provider, alias) WHERE status <> 'revoked';
CREATE TABLE vault.credential (
  connection_id text PRIMARY KEY,
  org_id text NOT NULL,
  /* Two fields, sealed apart, so that an executor can be given the access token and never the refresh token. */
  sealed_access bytea NOT NULL,
  sealed_refresh bytea,
  access_expires_at timestamptz,
  refresh_at timestamptz,
  generation integer NOT NULL CHECK (generation > 0),
  lease_owner text,
  lease_until timestamptz,
  /* The generation that the lease holder means to redeem; set before the token endpoint is called, cleared by the commit. */
  lease_generation integer,
  failures integer NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (org_id, connection_id) REFERENCES vault.connection (org_id, id) ON DELETE CASCADE
);
CREATE INDEX credential_due ON vault.credential (refresh_at) WHERE refresh_at IS NOT NULL;
CREATE INDEX credential_expiry ON vault.credential (access_expires_at) WHERE sealed_refresh IS NOT NULL;
/* The outbox towards providers: written in the transaction that disconnects, kept as the receipt. The credential stays, of no use to
   any call, until the provider has confirmed that it is dead. */
CREATE TABLE vault.provider_revocation (
  connection_id text PRIMARY KEY,
  org_id text NOT NULL,
  provider text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'confirmed', 'not_supported', 'refused', 'given_up')),
  attempts integer NOT NULL DEFAULT 0,
  /* Also the lease: whoever takes the row up moves it ahead, so that a worker that dies is followed by another. */
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  requested_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  CHECK ((state = 'pending') = (settled_at IS NULL)),
  FOREIGN KEY (org_id, connection_id) REFERENCES vault.connection (org_id, id) ON DELETE CASCADE
);
CREATE INDEX provider_revocation_due ON vault.provider_revocation (next_attempt_at) WHERE state = 'pending';
`;

export const CONNECT = `
CREATE SCHEMA connect;
CREATE TABLE connect.connect_session (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  agent_id text NOT NULL,
  user_id text NOT NULL,
  provider text NOT NULL,
  alias text NOT NULL,
  scopes text[] NOT NULL,
  return_url text,
  initiator_kind text NOT NULL CHECK (initiator_kind IN ('agent', 'admin')),
  initiator_id text NOT NULL,
  /* SHA-256 of the secret in the link, and of the cookie of the browser that opened it first. */
  token_sha256 bytea NOT NULL UNIQUE,
  browser_sha256 bytea,
  state text NOT NULL CHECK (state IN ('created', 'opened', 'redirected', 'completed', 'failed', 'cancelled')),
  failure text,
  connection_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  FOREIGN KEY (org_id, agent_id) REFERENCES identity.agent (org_id, id)
);
CREATE TABLE connect.authorization_transaction (
  /* SHA-256 of the state parameter: what is stored can't be replayed. */
  state_sha256 bytea PRIMARY KEY,
  org_id text NOT NULL,
  session_id text NOT NULL REFERENCES connect.connect_session (id),
  provider_app_id text NOT NULL,
  sealed_verifier bytea NOT NULL,
  redirect_uri text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
`;

export const EXECUTION = `
CREATE SCHEMA execution;
/* A row for every call that writes: the intent, recorded before the provider hears of it. It is the inbox too: a redelivered
   message finds its own row. Reads leave no row; repeating one is harmless. */
CREATE TABLE execution.execution (
  id text PRIMARY KEY,
  org_id text NOT NULL,
  agent_id text NOT NULL,
  user_id text NOT NULL,
  tool text NOT NULL,
  connection_id text,
  idempotency_key text,
  request_hash bytea NOT NULL,
  state text NOT NULL,
  /* Rises with every owner that takes the row up; a late writer with an older epoch changes nothing. */
  epoch integer NOT NULL DEFAULT 1,
  attempts integer NOT NULL DEFAULT 0,
  result jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX execution_idempotency ON execution.execution (org_id, agent_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
`;
