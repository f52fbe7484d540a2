import type { Fail } from '../tool/compile-tool.js';
import type { RequestContext } from './context.js';
import { inside, type Inputs, type Mapped, type MappingCompiler } from './mapping.js';
import { compilePathTemplate } from './path-template.js';

/** A path whose parts come from `params`, or from required arguments of the same names. */
export function compilePath(
  template: string,
  params: Readonly<Record<string, unknown>>,
  { declared }: RequestContext,
  mappings: MappingCompiler,
  fail: Fail,
): (inputs: Inputs) => string {
  const at = inside('path', fail);
  const { names, expand } = compilePathTemplate(template, (detail) => at([], detail));
  const values = new Map<string, Mapped>(mappings.compileMembers(params, inside('params', fail)));
  const extra = [...values.keys()].find((name) => !names.includes(name));
  if (extra !== undefined) fail(['params', extra], 'the path has no part of this name');
  for (const name of names) {
    if (values.has(name)) continue;
    if (!declared.names.has(name)) at([], `there is no argument "${name}"`);
    if (!declared.isRequired(name)) at([], `the argument "${name}" must be required`);
    declared.use(name, at);
    values.set(name, ({ scope }) => scope.args[name]);
  }
  return (inputs) => expand((name) => values.get(name)?.(inputs));
}
