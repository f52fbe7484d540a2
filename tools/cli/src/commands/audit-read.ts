import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditEventTypes, executionStates, type AuditRecord } from '@keyward/contracts';
import type { Argv } from 'yargs';
import type { CommonOptions, Session } from '../session/session.js';
import { exportTo } from '../output/export-file.js';
import { under } from './command.js';
import { agentId, moment } from './names.js';

/** Longest page of audit-service. */
const PAGE = 1_000;
const SEQ_DIGITS = 12;

interface Filters {
  type?: string | undefined;
  agent?: string | undefined;
  user?: string | undefined;
  tool?: string | undefined;
  state?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

function withFilters(args: Argv<CommonOptions>) {
  return args
    .option('type', { type: 'string', choices: auditEventTypes, describe: 'Only of this kind' })
    .option('agent', { type: 'string', describe: 'Only of this agent, by id or slug' })
    .option('user', { type: 'string', describe: 'Only for this user' })
    .option('tool', { type: 'string', describe: 'Only of this tool' })
    .option('state', { type: 'string', choices: executionStates, describe: 'Only calls that ended like this' })
    .option('from', { type: 'string', describe: 'From then on, RFC 3339, such as 2026-11-01T00:00:00Z' })
    .option('to', { type: 'string', describe: 'Before then' });
}

async function pathOf(session: Session, path: string, more: Filters & Record<string, string | undefined>): Promise<string> {
  const agent = more.agent === undefined ? undefined : await agentId(session, more.agent);
  return session.path(path, { ...more, agent });
}

const filtersOf = ({ type, agent, user, tool, state, from, to }: Filters): Filters => ({
  type,
  agent,
  user,
  tool,
  state,
  from,
  to,
});

export const events = under({
  command: 'events',
  describe: 'What was recorded, newest first',
  builder: (args) => withFilters(args).option('limit', { type: 'number', default: 50, describe: 'How many at most' }),
  handler: async (session, { limit, ...args }) => {
    const found: AuditRecord[] = [];
    for (let cursor: string | undefined; found.length < limit;) {
      const page = String(Math.min(PAGE, limit - found.length));
      const path = await pathOf(session, '/v1/events', { ...filtersOf(args), limit: page, cursor });
      const answer = await session.audit.get<{ events: AuditRecord[]; nextCursor: string | null }>(path);
      found.push(...answer.events);
      if (answer.nextCursor === null) break;
      cursor = answer.nextCursor;
    }
    session.out.answer(found, () =>
      session.out.table(
        found,
        {
          SEQ: ({ seq }) => seq,
          AT: ({ event }) => moment(event.at),
          TYPE: ({ event }) => event.type,
          BY: ({ event }) => `${event.actor.kind} ${event.actor.id}`,
          USER: ({ event }) => event.user,
          WHAT: ({ event }) => event.tool ?? event.connection ?? event.target ?? event.agent ?? event.provider,
          OUTCOME: ({ event }) => event.errorCode ?? event.state ?? event.reason,
        },
        'There are none.',
      ),
    );
  },
});

export const exporting = under({
  command: 'export',
  describe: 'The trail as JSON Lines, with the checkpoints that prove it',
  builder: (args) =>
    withFilters(args)
      .option('after-seq', {
        type: 'number',
        describe: 'Only what follows this record, such as the last one of an earlier export',
      })
      .option('file', { type: 'string', describe: 'Where to; left out: standard output' })
      .option('force', { type: 'boolean', default: false, describe: 'Replace the file' }),
  handler: async (session, { file, force, afterSeq, ...args }) => {
    const query = { ...filtersOf(args), afterSeq: afterSeq === undefined ? undefined : String(afterSeq) };
    const path = await pathOf(session, '/v1/events/export', query);
    const lines = await exportTo(session.audit.bytes(path), { file, force, out: session.out });
    if (file === undefined) return;
    session.out.answer({ file, lines }, () => {
      session.out.say(`${file} holds ${lines} lines.`);
      session.out.say(`Verify it: keyward audit verify ${file} --keys <keys.json>`);
    });
  },
});

interface Checkpoint {
  seq: number;
  at: string;
  kid: string;
  jws: string;
  anchoredAt: string | null;
}

export const checkpoints = under({
  command: 'checkpoints',
  describe: 'Signed statements of where the trail stood, newest first',
  builder: (args) =>
    args.option('save', { type: 'string', describe: 'Also write each into this directory, for keyward audit verify --anchors' }),
  handler: async (session, { save }) => {
    const organization = await session.org();
    const found: Checkpoint[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const path = await session.path('/v1/checkpoints', { cursor, limit: String(PAGE) });
      const page = await session.audit.get<{ checkpoints: Checkpoint[]; nextCursor: string | null }>(path);
      found.push(...page.checkpoints);
      cursor = page.nextCursor ?? undefined;
    }
    if (save !== undefined) {
      const dir = join(save, organization);
      mkdirSync(dir, { recursive: true });
      for (const { seq, jws } of found) writeFileSync(join(dir, String(seq).padStart(SEQ_DIGITS, '0')), jws);
    }
    const columns = {
      SEQ: ({ seq }: Checkpoint) => seq,
      SIGNED: ({ at }: Checkpoint) => moment(at),
      KEY: ({ kid }: Checkpoint) => kid,
      ANCHORED: ({ anchoredAt }: Checkpoint) => moment(anchoredAt),
    };
    session.out.answer(found, () => session.out.table(found, columns, 'There are none yet.'));
  },
});

export const keys = under({
  command: 'keys',
  describe: 'The public keys that sign checkpoints, as a JWKS for keyward audit verify --keys',
  builder: (args) => args,
  handler: async (session) => session.out.value(await session.audit.get('/v1/checkpoints/keys')),
});
