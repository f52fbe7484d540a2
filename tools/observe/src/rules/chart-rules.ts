import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RuleFile {
  name: string;
  text: string;
}

/** The chart's alerting and recording rules, as they stand in `root`/helm/keyward/alerts. */
export function chartRules(root: string): RuleFile[] {
  const directory = join(root, 'helm', 'keyward', 'alerts');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));
}
