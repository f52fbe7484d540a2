import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import yaml from 'yaml';
import { valuesTable } from './values-reference.js';

const README = 'helm/keyward/README.md';
const MARK = '<!-- Made from values.schema.json and values.yaml: KEYWARD_UPDATE_REFERENCE=1 npm run jest -- test/chart -->';

it('the reference of the chart’s values is that of its schema', () => {
  const [before = ''] = readFileSync(README, 'utf8').split(MARK);
  const values: unknown = yaml.parse(readFileSync('helm/keyward/values.yaml', 'utf8'));
  const table = valuesTable('helm/keyward/values.schema.json', values);
  const wanted = `${before}${MARK}

${table}
`;
  if (process.env['KEYWARD_UPDATE_REFERENCE'] === '1') writeFileSync(README, wanted);
  expect(readFileSync(README, 'utf8')).toBe(wanted);
});
