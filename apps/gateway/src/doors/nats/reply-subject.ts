/** One subject token without wildcards; NATS itself allows more, our clients don't use it. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;
const MAX_LENGTH = 512;
const MAX_TOKENS = 8;

/**
 * Where an agent wants its receipt; undefined where the gateway must not publish: anything but that agent's own inbox. The gateway may
 * publish where agents may not, so a reply subject is an agent asking it to publish there: into JetStream's API, into another
 * agent's inbox, onto a result subject. nats-server restricts the gateway too; this is the check that does not rely on it.
 */
export function replySubject(reply: string | undefined, agent: string): string | undefined {
  if (reply === undefined || reply.length > MAX_LENGTH) return undefined;
  const [inbox, owner, ...rest] = reply.split('.');
  if (inbox !== '_INBOX' || owner !== agent) return undefined;
  if (rest.length === 0 || rest.length > MAX_TOKENS || !rest.every((token) => TOKEN.test(token))) return undefined;
  return reply;
}
