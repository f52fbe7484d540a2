import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { environmentProblems, readByServices } from './environment.js';

const TEMPLATES = 'helm/keyward/templates';

/** Set by nobody through a value of its own: extraEnv is there for it. */
const LEFT_TO_EXTRA_ENV = new Set<string>([]);

const templates = readdirSync(TEMPLATES, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(tpl|ya?ml)$/.test(name))
  .map((name) => readFileSync(join(TEMPLATES, name), 'utf8'))
  .join('\n');

/** Names in the templates, those made of a store's prefix included. */
function namesInTemplates(): Set<string> {
  const names = new Set(templates.match(/\bKEYWARD_[A-Z_]*[A-Z]\b/g));
  const parts = [...templates.matchAll(/\$prefix \}\}_([A-Z_]+)|"%s_([A-Z_]+)" \$prefix/g)].map((match) => match[1] ?? match[2]);
  for (const [, prefix] of templates.matchAll(/"prefix" "(KEYWARD_[A-Z_]+)"/g))
    for (const part of parts) names.add(`${prefix}_${part}`);
  return names;
}

const read = new Set([...readByServices().values()].flatMap((names) => [...names.keys()]));

describe('the environment that the chart gives the services', () => {
  it('has no variable that no service reads', () => {
    const unread = [...namesInTemplates()].filter((name) => !read.has(name) && !read.has(name.replace(/_FILE$/, '')));
    expect(unread).toEqual([]);
  });

  it('can set every variable that a service reads', () => {
    const names = namesInTemplates();
    const unset = [...read].filter((name) => name.startsWith('KEYWARD_') && !names.has(name) && !LEFT_TO_EXTRA_ENV.has(name));
    expect(unset).toEqual([]);
  });

  const deployment = (env: object[]): object => ({
    kind: 'Deployment',
    metadata: { name: 'x' },
    spec: { template: { spec: { containers: [{ name: 'auth-service', env }] } } },
  });

  it.each([
    ['a name that is not read', { name: 'KEYWARD_HTP_PORT', value: '1' }, 'KEYWARD_HTP_PORT is read by nothing in this program'],
    [
      'a value that is not taken',
      { name: 'KEYWARD_HTTP_PORT', value: '8e4x' },
      'KEYWARD_HTTP_PORT has a value that the program does not take',
    ],
    [
      'a secret in the clear',
      { name: 'KEYWARD_STATE_SECRET', value: 's'.repeat(40) },
      'KEYWARD_STATE_SECRET is a secret and stands there in the clear',
    ],
    [
      'a secret that is no file',
      { name: 'KEYWARD_STATE_SECRET_FILE', value: 'hunter2' },
      'KEYWARD_STATE_SECRET_FILE is not a path',
    ],
  ])('is refused with %s', (_what, variable, problem) => {
    expect(environmentProblems([deployment([variable])])).toEqual([`Deployment x: ${problem}`]);
  });

  it('is accepted where all is well', () => {
    const env = [
      { name: 'KEYWARD_HTTP_PORT', value: '8081' },
      { name: 'KEYWARD_STATE_SECRET_FILE', value: '/run/keyward/secrets/state-secret' },
      { name: 'OTEL_RESOURCE_ATTRIBUTES', value: 'a=b' },
    ];
    expect(environmentProblems([deployment(env)])).toEqual([]);
  });
});
