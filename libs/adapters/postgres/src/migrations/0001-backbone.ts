import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * One schema per owner and one group role per service. Roles are NOLOGIN groups: a deployment makes its own logins and puts each
 * into one group, so that no password is ever in a migration.
 *
 * Row-level security by org on every table that has one: a service sets `keyward.org` for its transaction. What must cross orgs
 * (finding the org of a key, a session or a due credential) is a SECURITY DEFINER function owned by keyward_definer, which is the
 * one role whose policies do not ask for an org. The executor's whole view of the vault is such functions.
 */
export class Backbone0001 implements MigrationInterface {
  readonly name = 'Backbone1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [
      ROLES,
      IDENTITY,
      GOVERNANCE,
      VAULT,
      CONNECT,
      EXECUTION,
      BUS,
      AUDIT,
      ROW_LEVEL_SECURITY,
      FUNCTIONS,
      GRANTS,
    ]) {
      await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP SCHEMA identity, governance, vault, connect, execution, bus, audit CASCADE');
  }
}

const ROLES = `
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['keyward_definer', 'keyward_gateway', 'keyward_auth', 'keyward_refresher', 'keyward_executor', 'keyward_audit'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    EXCEPTION WHEN duplicate_object THEN NULL; -- roles belong to the cluster, and another database of it may have made them
    END;
  END LOOP;
END $$;
`;

const IDENTITY = `
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

const GOVERNANCE = `
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

const VAULT = `
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
`;

const CONNECT = `
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

const EXECUTION = `
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

const BUS = `
CREATE SCHEMA bus;
/* Events leave in the transaction that makes them true; the id becomes Nats-Msg-Id, so a relay that dies after publishing
   repeats harmlessly. */
CREATE TABLE bus.outbox (
  seq bigserial PRIMARY KEY,
  id text NOT NULL UNIQUE,
  subject text NOT NULL,
  headers jsonb NOT NULL DEFAULT '{}',
  payload bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION bus.notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('keyward_outbox', '');
  RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON bus.outbox FOR EACH STATEMENT EXECUTE FUNCTION bus.notify_outbox();
`;

const AUDIT = `
CREATE SCHEMA audit;
CREATE TABLE audit.event (
  org_id text NOT NULL,
  seq bigint NOT NULL,
  id text NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  trace_id text NOT NULL,
  agent_id text,
  user_id text,
  tool text,
  state text,
  body jsonb NOT NULL,
  prev_hash bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (org_id, seq, at),
  UNIQUE (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX ON audit.event (org_id, trace_id);
CREATE INDEX ON audit.event (org_id, agent_id, seq);
CREATE INDEX ON audit.event (org_id, user_id, seq);
CREATE INDEX ON audit.event (org_id, tool, seq);
CREATE TABLE audit.chain_head (
  org_id text PRIMARY KEY,
  seq bigint NOT NULL,
  hash bytea NOT NULL
);
`;

const ROW_LEVEL_SECURITY = `
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY[
    'identity.agent', 'identity.agent_key', 'governance.assignment',
    'vault.data_key', 'vault.provider_app', 'vault.connection', 'vault.credential',
    'connect.connect_session', 'connect.authorization_transaction', 'execution.execution', 'audit.event'
  ] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY org_isolation ON %s USING (org_id = current_setting('keyward.org', true))$p$, t);
    EXECUTE format('CREATE POLICY definer ON %s TO keyward_definer USING (true)', t);
  END LOOP;
END $$;
/* audit-service stores a batch of many orgs in one transaction; reading stays bound to one. */
CREATE POLICY audit_append ON audit.event FOR INSERT TO keyward_audit WITH CHECK (true);
`;

const FUNCTIONS = `
CREATE FUNCTION identity.find_agent_key(p_key text)
RETURNS TABLE (org_id text, agent_id text, secret_sha256 bytea, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.org_id, k.agent_id, k.secret_sha256, k.revoked_at FROM identity.agent_key k WHERE k.id = p_key
$$;

/* Everything the executor needs to know about one call, in one round trip: what the agent may do with the connector, and its own
   connection for this user, if any. p_connection narrows to one id; it must still be this agent's. */
CREATE FUNCTION vault.open_for_call(p_org text, p_agent text, p_user text, p_connector text, p_provider text, p_alias text, p_connection text)
RETURNS TABLE (
  permission text, tools text[], connection_id text, status text, status_reason text, scopes text[],
  generation integer, sealed_access bytea, access_expires_at timestamptz, refreshable boolean
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.permission, a.tools, c.id, c.status, c.status_reason, c.scopes,
         k.generation, k.sealed_access, k.access_expires_at, k.sealed_refresh IS NOT NULL
  FROM (SELECT 1) one
  LEFT JOIN governance.assignment a ON a.org_id = p_org AND a.agent_id = p_agent AND a.connector = p_connector
  LEFT JOIN vault.connection c
    ON c.org_id = p_org AND c.agent_id = p_agent AND c.user_id = p_user AND c.provider = p_provider AND c.status <> 'revoked'
   AND CASE WHEN p_connection IS NULL THEN c.alias = p_alias ELSE c.id = p_connection END
  LEFT JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id
$$;

CREATE FUNCTION vault.find_data_key(p_org text, p_id text)
RETURNS TABLE (id text, wrapped bytea, kms_key_id text, state text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT d.id, d.wrapped, d.kms_key_id, d.state, d.created_at FROM vault.data_key d WHERE d.org_id = p_org AND d.id = p_id
$$;

/* Claims due credentials of any org. Writing the lease also proves that the store is writable before a refresh token is spent. */
CREATE FUNCTION vault.claim_due(p_owner text, p_lease_ms integer, p_limit integer)
RETURNS TABLE (org_id text, connection_id text, generation integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH due AS (
    SELECT k.connection_id FROM vault.credential k JOIN vault.connection c ON c.id = k.connection_id
    WHERE k.refresh_at <= now() AND k.sealed_refresh IS NOT NULL AND c.status = 'active'
      AND (k.lease_until IS NULL OR k.lease_until < now())
    ORDER BY k.refresh_at
    LIMIT p_limit
    FOR UPDATE OF k SKIP LOCKED
  )
  UPDATE vault.credential k
  SET lease_owner = p_owner, lease_until = now() + make_interval(secs => p_lease_ms / 1000.0), lease_generation = k.generation
  FROM due WHERE k.connection_id = due.connection_id
  RETURNING k.org_id, k.connection_id, k.generation
$$;

CREATE FUNCTION connect.find_session_org(p_token_sha256 bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.org_id FROM connect.connect_session s WHERE s.token_sha256 = p_token_sha256
$$;

CREATE FUNCTION connect.find_transaction_org(p_state_sha256 bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT t.org_id FROM connect.authorization_transaction t WHERE t.state_sha256 = p_state_sha256
$$;

/* Partitions are made by the owner, not by the service: audit-service may append and nothing else. */
CREATE FUNCTION audit.ensure_partition(p_day date) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE name text := 'event_' || to_char(p_day, 'YYYYMMDD');
BEGIN
  IF to_regclass('audit.' || name) IS NULL THEN
    PERFORM pg_advisory_xact_lock(hashtext('audit.' || name));
    EXECUTE format('CREATE TABLE IF NOT EXISTS audit.%I PARTITION OF audit.event FOR VALUES FROM (%L) TO (%L)',
      name, p_day::timestamp AT TIME ZONE 'UTC', (p_day + 1)::timestamp AT TIME ZONE 'UTC');
  END IF;
END $$;
`;

const GRANTS = `
GRANT USAGE ON SCHEMA identity, governance, vault TO keyward_definer, keyward_gateway, keyward_auth, keyward_refresher;
GRANT USAGE ON SCHEMA vault, execution TO keyward_executor;
GRANT USAGE ON SCHEMA connect TO keyward_definer, keyward_auth;
GRANT USAGE ON SCHEMA bus TO keyward_auth, keyward_refresher;
GRANT USAGE ON SCHEMA audit TO keyward_audit;

GRANT SELECT ON identity.agent_key, governance.assignment, vault.data_key, vault.connection, connect.connect_session,
  connect.authorization_transaction TO keyward_definer;
GRANT SELECT, UPDATE ON vault.credential TO keyward_definer;
GRANT USAGE ON SCHEMA vault TO keyward_definer;

ALTER FUNCTION identity.find_agent_key(text) OWNER TO keyward_definer;
ALTER FUNCTION vault.open_for_call(text, text, text, text, text, text, text) OWNER TO keyward_definer;
ALTER FUNCTION vault.find_data_key(text, text) OWNER TO keyward_definer;
ALTER FUNCTION vault.claim_due(text, integer, integer) OWNER TO keyward_definer;
ALTER FUNCTION connect.find_session_org(bytea) OWNER TO keyward_definer;
ALTER FUNCTION connect.find_transaction_org(bytea) OWNER TO keyward_definer;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA identity, vault, connect, audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_agent_key(text) TO keyward_gateway, keyward_auth;
GRANT EXECUTE ON FUNCTION vault.open_for_call(text, text, text, text, text, text, text) TO keyward_executor;
GRANT EXECUTE ON FUNCTION vault.find_data_key(text, text) TO keyward_executor, keyward_refresher, keyward_auth;
GRANT EXECUTE ON FUNCTION vault.claim_due(text, integer, integer) TO keyward_refresher;
GRANT EXECUTE ON FUNCTION connect.find_session_org(bytea), connect.find_transaction_org(bytea) TO keyward_auth;
GRANT EXECUTE ON FUNCTION audit.ensure_partition(date) TO keyward_audit;

GRANT SELECT ON governance.assignment, vault.connection TO keyward_gateway;

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA identity, connect TO keyward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.assignment TO keyward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA vault TO keyward_auth;

GRANT SELECT ON vault.connection, vault.provider_app, vault.data_key, vault.credential TO keyward_refresher;
GRANT UPDATE ON vault.credential TO keyward_refresher;
GRANT UPDATE (status, status_reason, scopes, updated_at) ON vault.connection TO keyward_refresher;
GRANT INSERT, UPDATE ON vault.data_key TO keyward_refresher;

GRANT SELECT, INSERT, UPDATE ON execution.execution TO keyward_executor;

GRANT SELECT, INSERT, DELETE ON bus.outbox TO keyward_auth, keyward_refresher;
/* SKIP LOCKED needs the right to lock, which Postgres ties to UPDATE. */
GRANT UPDATE (created_at) ON bus.outbox TO keyward_auth, keyward_refresher;
GRANT USAGE ON SEQUENCE bus.outbox_seq_seq TO keyward_auth, keyward_refresher;

GRANT SELECT, INSERT ON audit.event TO keyward_audit;
GRANT SELECT, INSERT, UPDATE ON audit.chain_head TO keyward_audit;
`;
