export interface ConnectForm {
  csrf: string;
  decision: 'continue' | 'cancel';
  /** The fields of the page, by name. */
  entered: Record<string, string>;
}

/** A private key is the longest. */
const MAX_SECRET_LENGTH = 12_000;
const MAX_FIELD_LENGTH = 300;
const MAX_FIELDS = 30;
const FIELD = /^(?:parameter\.[a-z][a-z0-9_]{0,31}|secret|username|password)$/;

/** What our page can send, each field once; undefined for anything else. Which fields a page has is for whoever made it to say. */
export function readConnectForm(body: unknown): ConnectForm | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const entries: [string, unknown][] = Object.entries(body);
  if (entries.length > MAX_FIELDS) return undefined;
  const fields = new Map<string, string>();
  for (const [name, value] of entries) {
    const known = FIELD.test(name) || name === 'csrf' || name === 'decision';
    const limit = name === 'secret' || name === 'password' ? MAX_SECRET_LENGTH : MAX_FIELD_LENGTH;
    if (!known || typeof value !== 'string' || value.length > limit) return undefined;
    fields.set(name, value);
  }
  const [csrf, decision] = [fields.get('csrf'), fields.get('decision')];
  if (csrf === undefined || (decision !== 'continue' && decision !== 'cancel')) return undefined;
  fields.delete('csrf');
  fields.delete('decision');
  return { csrf, decision, entered: Object.fromEntries(fields) };
}
