export const BUS = `
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
