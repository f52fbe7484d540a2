import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { program } from '../../tools/cli/src/program.js';
import { origins, rules } from './monitoring.js';
import { syntaxErrors } from './promql.js';

const FOLDER = 'docs/runbooks';
const NOT_OF_AN_ALERT = ['README.md', 'adding-an-alert.md'];

const files = readdirSync(FOLDER);
const pages = new Map(files.map((name) => [name, readFileSync(path.join(FOLDER, name), 'utf8')]));
const ofAlerts = files.filter((name) => !NOT_OF_AN_ALERT.includes(name));
const alerts = rules.filter((rule) => rule.alert !== undefined);

function blocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\``, 'gm'))].map(([, block = '']) => block);
}

describe('runbooks', () => {
  it('are there for each alert, at the address that it names', () => {
    const named = alerts.map(({ annotations }) => annotations?.['runbook_url']);
    expect(new Set(named)).toEqual(new Set(ofAlerts.map((name) => `${FOLDER}/${name}`)));
  });

  it('are named after their alert, and in the index', () => {
    for (const { alert = '', annotations } of alerts) {
      const page = path.basename(annotations?.['runbook_url'] ?? '');
      expect(page.replace('.md', '').replaceAll('-', '')).toBe(alert.replace('Keyward', '').toLowerCase());
      expect(pages.get(page)).toMatch(new RegExp(`^# ${alert}\n`));
      expect(pages.get('README.md')).toContain(`[${alert}](${page})`);
    }
  });

  it.each(ofAlerts)('%s goes from the meaning to what is left to do', (name) => {
    const headings = [...(pages.get(name) ?? '').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(['Meaning', 'Impact', 'Look here', 'Do this', 'Afterwards']);
  });

  it('link to pages that are there', () => {
    const links = [...pages].flatMap(([name, page]) =>
      [...page.matchAll(/\]\(([a-z\d-]+\.md)/g)].map(([, link = '']) => `${name}: ${link}`),
    );
    expect(links.filter((link) => !pages.has(link.split(': ')[1] ?? ''))).toEqual([]);
  });

  it('ask Prometheus for metrics that there are', () => {
    const asked = [...pages].flatMap(([name, page]) =>
      blocks(page, 'promql').flatMap((block) =>
        block
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map((line) => ({ name, line })),
      ),
    );
    expect(asked.length).toBeGreaterThan(60);
    expect(asked.filter(({ line }) => syntaxErrors(line).length > 0)).toEqual([]);
    const unknown = asked.flatMap(({ name, line }) => origins(line).unknown.map((metric) => `${name}: ${metric}`));
    expect(unknown).toEqual([]);
  });

  it('name only commands of keyward that there are, with options that they have', async () => {
    const wrong: string[] = [];
    for (const command of commands()) if (!(await exists(command))) wrong.push(command);
    expect(commands().length).toBeGreaterThan(20);
    expect(wrong).toEqual([]);
  });

  it.each(['dead-letters undo 7', 'audit events --colour red', 'vault'])('would not be taken to name %s', async (command) => {
    expect(await exists(command)).toBe(false);
  });
});

/** What follows `keyward ` in code, up to the end of it or what the shell takes. */
function commands(): string[] {
  const all = [...pages.values()].flatMap((page) => [
    ...[...page.matchAll(/`keyward ([a-z][^`|>]*?)(?: > [^`]*)?`/g)].map(([, command = '']) => command),
    ...blocks(page, 'sh').flatMap((block) => [...block.matchAll(/^ *keyward ([^|>#\n]+)/gm)].map(([, command = '']) => command)),
  ]);
  return [...new Set(all.map((command) => command.trim()))];
}

/** Whether the command line takes it, up to where it would do it: `--help` in place of doing shows the help of the very command that was meant. */
async function exists(command: string): Promise<boolean> {
  const words = command.split(/\s+/).filter((word) => word !== '…');
  const named = words.slice(0, words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word)) >>> 0);
  for (let length = Math.min(named.length, 3); length > 0; length -= 1) {
    const help = await helpOf(named.slice(0, length));
    if (help === undefined) continue;
    const options = words.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? '');
    return options.every((option) => help.includes(option));
  }
  return false;
}

async function helpOf(words: readonly string[]): Promise<string | undefined> {
  let shown = '';
  await program([...words, '--help'])
    .exitProcess(false)
    .parseAsync([...words, '--help'], {}, (_error, _argv, output) => {
      shown = output;
    });
  const usage = shown.split('\n', 1)[0] ?? '';
  return usage.startsWith(`keyward ${words.join(' ')}`) && !usage.includes('<command>') ? shown : undefined;
}
