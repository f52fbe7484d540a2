import { usageDimensions, type UsageDimension, type UsageGroup, type UsagePage } from '@keyward/contracts';
import { csvLine } from '../output/csv.js';
import { Usage } from '../output/fail.js';
import type { Columns, Output } from '../output/output.js';
import { command, list } from './command.js';
import { agentId } from './names.js';

const PAGE = '1000';

const BY = { type: 'string', array: true, default: ['tool'] } as const;

/** Everything, as one answer. */
type Report = Omit<UsagePage, 'nextCursor'>;

export const usage = command({
  command: 'usage',
  describe: 'Calls, what became of them and what they cost',
  builder: (args) =>
    args
      .option('group-by', { ...BY, describe: `By what, also several with commas: ${usageDimensions.join(', ')}` })
      .option('from', { type: 'string', describe: 'First day, such as 2026-11-01 (UTC); left out: 30 days are counted' })
      .option('to', { type: 'string', describe: 'Last day, included; left out: today' })
      .option('agent', { type: 'string', describe: 'Only of this agent, by id or slug' })
      .option('user', { type: 'string', describe: 'Only for this user' })
      .option('connector', { type: 'string', describe: 'Only of this connector' })
      .option('tool', { type: 'string', describe: 'Only of this tool' })
      .option('all-organizations', { type: 'boolean', default: false, describe: 'Of the whole deployment; for its operator' })
      .option('csv', { type: 'boolean', default: false, describe: 'Print CSV (RFC 4180)' }),
  handler: async (session, args) => {
    if (args.csv && args.json) throw new Usage('Choose one of --csv and --json.');
    const { from, to, user, connector, tool } = args;
    const groupBy = dimensionsOf(list(args.groupBy) ?? []);
    const agent = args.agent === undefined ? undefined : await agentId(session, args.agent);
    const organization = args.allOrganizations ? undefined : await session.org();
    const query = { organization, groupBy: groupBy.join(), from, to, agent, user, connector, tool, limit: PAGE };
    const report = await readAll((path) => session.audit.get<UsagePage>(path), query);
    if (args.csv) process.stdout.write(csvOf(report, groupBy));
    else session.out.answer(report, () => show(session.out, report, groupBy));
  },
});

function dimensionsOf(names: readonly string[]): UsageDimension[] {
  const known: readonly string[] = usageDimensions;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Usage(`--group-by takes ${usageDimensions.join(', ')}, not "${unknown}".`);
  return names as UsageDimension[];
}

async function readAll(
  get: (path: string) => Promise<UsagePage>,
  query: Readonly<Record<string, string | undefined>>,
): Promise<Report> {
  const groups: UsageGroup[] = [];
  for (let cursor: string | null = null; ;) {
    const set = Object.entries({ ...query, cursor: cursor ?? undefined }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const { nextCursor, ...page }: UsagePage = await get(`/v1/usage?${new URLSearchParams(set)}`);
    groups.push(...page.groups);
    if (nextCursor === null) return { ...page, groups };
    cursor = nextCursor;
  }
}

function show(out: Output, { groups, from, to, currency }: Report, groupBy: readonly UsageDimension[]): void {
  const sums: Columns<UsageGroup> = {
    CALLS: ({ calls }) => calls,
    SUCCEEDED: ({ succeeded }) => succeeded,
    FAILED: ({ failed }) => failed,
    DENIED: ({ denied }) => denied,
    ATTEMPTS: ({ attempts }) => attempts,
    'AVERAGE ms': ({ calls, durationMs }) => Math.round(durationMs / calls),
    [`COST ${currency}`]: ({ cost }) => cost,
  };
  const named = groupBy.map((name) => [name.toUpperCase(), (group: UsageGroup) => group[name]] as const);
  out.table(groups, { ...Object.fromEntries(named), ...sums }, `Nothing was called from ${from} to ${to}.`);
}

/** Names as in the JSON, so that both are read in the same way. */
function csvOf({ groups, currency }: Report, groupBy: readonly UsageDimension[]): string {
  const sums = ['calls', 'succeeded', 'failed', 'denied', 'attempts', 'durationMs', 'cost'] as const;
  const rows = groups.map((group) => csvLine([...groupBy, ...sums].map((name) => group[name] ?? null).concat(currency)));
  return csvLine([...groupBy, ...sums, 'currency']) + rows.join('');
}
