/** Since when people are waited for: an index of nobody else, and a figure that says nothing of whom. */
export const REAUTHORIZATION = `
CREATE INDEX connection_reauthorization ON vault.connection (reauthorization_asked_at) WHERE status = 'needs_reauthorization';

/* For a gauge: how long the person has been asked for who was asked first; null where nobody is. */
CREATE FUNCTION vault.oldest_reauthorization_ms() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT (extract(epoch FROM clock_timestamp() - min(c.reauthorization_asked_at)) * 1000)::double precision
  FROM vault.connection c WHERE c.status = 'needs_reauthorization'
$$;
REVOKE ALL ON FUNCTION vault.oldest_reauthorization_ms() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.oldest_reauthorization_ms() TO keyward_auth;
`;
