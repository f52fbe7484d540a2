import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newId } from '@keyward/contracts';
import { readDestinations } from './read-destinations.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'destinations-'));
  file('token', 'tok-123\n');
  file('signing', `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`);
  file('short', 'whsec_c2hvcnQ=');
  file('lines', 'one\ntwo\n');
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, text: string): string {
  const at = path.join(dir, name);
  writeFileSync(at, text);
  return at;
}

function read(text: string) {
  const problems: string[] = [];
  const destinations = readDestinations(file('forward.yaml', text), (problem) => problems.push(problem));
  return { destinations, problems };
}

describe('the file of destinations', () => {
  it('is YAML, with defaults for what it leaves out', () => {
    const org = newId('org');
    const { destinations, problems } = read(`
- name: splunk
  kind: webhook
  url: https://splunk.example.com:8088/services/collector/event
  format: splunk_hec
  headers:
    Authorization: {file: ${dir}/token, prefix: "Splunk "}
  organizations: [${org}]
  types: [execution.completed]
- {name: collector, kind: otlp_logs, url: "http://collector:4318/v1/logs", from: beginning, batch: 500}
`);
    expect(problems).toEqual([]);
    expect(destinations).toEqual([
      {
        ...{
          name: 'splunk',
          kind: 'webhook',
          url: 'https://splunk.example.com:8088/services/collector/event',
          format: 'splunk_hec',
        },
        headers: { Authorization: { file: path.join(dir, 'token'), prefix: 'Splunk ' } },
        ...{ organizations: [org], types: ['execution.completed'], from: 'now', batch: 100, timeoutSeconds: 15 },
      },
      {
        ...{ name: 'collector', kind: 'otlp_logs', url: 'http://collector:4318/v1/logs', headers: {} },
        ...{ from: 'beginning', batch: 500, timeoutSeconds: 15 },
      },
    ]);
  });

  it('may be JSON', () => {
    expect(read(JSON.stringify([{ name: 'a', kind: 'webhook', url: 'https://a.example' }])).destinations).toHaveLength(1);
  });

  const webhook = (more: string) => `- {name: hook, kind: webhook, url: "https://a.example", ${more}}`;
  it.each<[string, string, RegExp]>([
    ['no list', 'name: x', /must hold a list/],
    ['no YAML', '- {name: x', /not valid YAML or JSON: line 1/],
    [
      'an unknown kind',
      '- {name: hook, kind: syslog, url: "https://a.example"}',
      /destination 1 \("hook"\): .*kind: webhook or otlp_logs/,
    ],
    ['no name', '- {kind: webhook, url: "https://a.example"}', /destination 1: name /],
    ['a name twice', `${webhook('')}\n${webhook('')}`, /name "hook" is given twice/],
    ['another scheme', '- {name: hook, kind: webhook, url: "ftp://a.example"}', /url must be a URL that starts with https/],
    [
      'a password in the URL',
      '- {name: hook, kind: webhook, url: "https://u:geheim@a.example"}',
      /url must not hold a user or a password/,
    ],
    ['an unknown member', webhook('retries: 3'), /Unrecognized key.*retries/],
    ['a format of nobody', webhook('format: xml'), /format must be one of json, jsonl, splunk_hec/],
    ['a type of nobody', webhook('types: [everything]'), /types\.0 must be a type of audit events/],
    ['no type at all', webhook('types: []'), /types must name a type/],
    ['an organization that is none', webhook('organizations: [acme]'), /organizations\.0 must be an id/],
    ['a header that is ours', webhook('headers: {Host: x}'), /headers\.Host is a header that is not yours/],
    ['a header that is none', webhook('headers: {"a b": x}'), /headers\.a b is not the name of a header/],
    ['a header of two lines', webhook('headers: {x: "a\\nb"}'), /headers\.x must be/],
    ['a file that is not there', webhook('headers: {x: {file: /nowhere/token}}'), /headers\.x\.file cannot be read \(ENOENT\)/],
    ['a secret that is none', webhook('secretFile: TMP/short'), /secretFile must hold whsec_/],
    ['a secret of two lines', webhook('secretFile: TMP/lines'), /secretFile must name a file that holds one line/],
    ['certificates that are none', webhook('caFile: TMP/token'), /caFile must hold certificates/],
    ['too large a batch', webhook('batch: 5000'), /batch /],
    ['a start that is neither', webhook('from: yesterday'), /from must be now or beginning/],
    [
      'a signature for OTLP',
      '- {name: o, kind: otlp_logs, url: "https://a.example", secretFile: x}',
      /Unrecognized key.*secretFile/,
    ],
  ])('with %s is refused, and says where', (_what, text, expected) => {
    const { destinations, problems } = read(text.replaceAll('TMP', dir));
    expect(destinations).toEqual([]);
    expect(problems.join('\n')).toMatch(expected);
    expect(problems.every((problem) => problem.startsWith('KEYWARD_AUDIT_FORWARD_FILE: '))).toBe(true);
    expect(problems.join('\n')).not.toMatch(/geheim|tok-123|c2hvcnQ/);
  });

  it('that is not there is told', () => {
    const problems: string[] = [];
    expect(readDestinations(path.join(dir, 'none'), (problem) => problems.push(problem))).toEqual([]);
    expect(problems).toEqual(['KEYWARD_AUDIT_FORWARD_FILE: the file cannot be read (ENOENT).']);
  });
});
