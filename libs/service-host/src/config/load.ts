import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isSecret, type ConfigFragment, type ConfigFragments, type ConfigOf } from './fragment.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The exit code of a process whose configuration must be changed before it can start (sysexits.h). */
export const EX_CONFIG = 78;

/** Everything that is wrong with the environment, in one message. Holds names and advice, no value. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Parses the environment once. What is wrong is added to `problems`; with any there, the result is not to be used. */
export function parseFragments<F extends ConfigFragments>(fragments: F, env: Environment, problems: Set<string>): ConfigOf<F> {
  const parts = Object.entries(fragments).map(([name, part]) => [name, loadFragment(part, env, (text) => problems.add(text))]);
  return Object.fromEntries(parts) as ConfigOf<F>;
}

function loadFragment(part: ConfigFragment<unknown>, env: Environment, report: (text: string) => void): unknown {
  const values: Record<string, unknown> = {};
  let valid = true;
  const reject = (text: string) => {
    valid = false;
    report(text);
  };
  for (const [name, schema] of Object.entries(part.shape)) {
    const raw = readValue(name, schema, env, reject);
    if (raw === unreadable) continue;
    const parsed = schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else reject(raw === undefined ? missing(name, schema) : invalid(name, schema, parsed.error));
  }
  return valid ? part.build(values, report) : undefined;
}

const unreadable = Symbol('unreadable');

/** An empty variable counts as absent: that is what a template with nothing to fill in leaves behind. */
function readValue(name: string, schema: z.ZodType, env: Environment, report: (text: string) => void) {
  const direct = env[name] === '' ? undefined : env[name];
  const file = isSecret(schema) ? env[`${name}_FILE`] : undefined;
  if (file === undefined || file === '') return direct;
  if (direct !== undefined) {
    report(`${name} and ${name}_FILE are both set. Keep one of them.`);
    return unreadable;
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    report(`${name}_FILE names a file that cannot be read (${code}). Check that it exists and that this service may read it.`);
    return unreadable;
  }
}

function missing(name: string, schema: z.ZodType): string {
  const orFile = isSecret(schema) ? ` (or ${name}_FILE to a file that holds it)` : '';
  return `${name} is missing. Set it to ${schema.description ?? 'a value'}${orFile}.`;
}

/** zod's messages name the rule that was broken, not the value; the tests hold it to that. */
function invalid(name: string, schema: z.ZodType, error: z.ZodError): string {
  const rule = error.issues[0]?.message ?? 'not accepted';
  const expected = schema.description === undefined ? '' : ` Set it to ${schema.description}.`;
  return `${name} is not valid: ${rule.replace(/\.$/, '')}.${expected}`;
}
