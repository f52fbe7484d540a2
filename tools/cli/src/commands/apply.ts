import { readFileSync } from 'node:fs';
import type { AppliedManifest } from '@keyward/contracts';
import { parseAllDocuments } from 'yaml';
import { Usage } from '../output/fail.js';
import type { Session } from '../session/session.js';
import { command } from './command.js';

/** Documents of YAML or JSON. Nothing is sent before all of them are well-formed. */
function documents(file: string): unknown[] {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  const parsed = parseAllDocuments(text, { uniqueKeys: true });
  if (!Array.isArray(parsed)) throw new Usage(`${file} is empty.`);
  const broken = parsed.flatMap((document) => document.errors)[0];
  if (broken !== undefined) throw new Usage(`${file}: ${broken.message}`);
  return parsed.map((document) => document.toJS({ maxAliasCount: 50 }) as unknown).filter((value) => value !== null);
}

export const apply = command({
  command: 'apply',
  describe: 'Apply agent manifests: which tools of which connectors, with which permission',
  builder: (args) =>
    args
      .option('file', {
        alias: 'f',
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'YAML or JSON; - is standard input',
      })
      .option('user', { type: 'string', describe: 'Tell which scopes this user’s connections still lack' }),
  handler: async (session, { file, user }) => {
    const manifests = file.flatMap((name) => documents(name));
    const organization = await session.org();
    const applied: AppliedManifest[] = [];
    for (const manifest of manifests) {
      const query = user === undefined ? '' : `?${new URLSearchParams({ user })}`;
      const answer = await session.admin.put<AppliedManifest>(`/v1/manifests${query}`, { organization, manifest });
      applied.push(answer);
      tell(session, answer);
    }
    session.out.answer(applied, () => undefined);
  },
});

function tell({ out }: Session, { agent, changed, created, version, missingScopes }: AppliedManifest): void {
  out.say(`${agent}: ${changed ? `version ${version} applied${created ? ', the agent is new' : ''}` : 'as it was'}`);
  for (const { tool, connection, scopes, connectUrl } of missingScopes) {
    const lack = connection === null ? 'has no connection yet' : `still needs ${scopes.join(' ')}`;
    out.say(`  ${tool} ${lack}${connectUrl === undefined ? '' : `: ${connectUrl}`}`);
  }
}
