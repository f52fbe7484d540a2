import { idSchema, KeywardError, type IdPrefix } from '@keyward/contracts';

const NAMES = {
  org: 'organization',
  agt: 'agent',
  key: 'agent key',
  app: 'provider app',
  cse: 'connect session',
  conn: 'connection',
  mbr: 'member',
  iss: 'trusted issuer',
  wlb: 'workload binding',
  whe: 'webhook endpoint',
  bgt: 'budget',
} as const;
export type NamedPrefix = keyof typeof NAMES & IdPrefix;

/** One sentence per kind of thing, whether it never was, is another organization's, or its id is not an id at all. */
export function notFound(prefix: NamedPrefix): KeywardError {
  return new KeywardError('not_found', `There is no such ${NAMES[prefix]}.`);
}

/** What can't be an id, another case of one included, is answered like an id that nobody has: with `absent`. */
export function possibleId(prefix: NamedPrefix, value: string, absent = notFound(prefix)): string {
  if (!idSchema(prefix).safeParse(value).success) throw absent;
  return value;
}
