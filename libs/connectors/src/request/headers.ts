import type { RequestContext } from './context.js';
import { assertFieldValue, checkHeaderName } from './header-fields.js';
import { inside, type Inputs, type MappingCompiler } from './mapping.js';
import type { Fail } from '../tool/compile-tool.js';

/** Own header fields of a request: those that it maps, and the idempotency key. */
export function compileHeaders(
  headers: Readonly<Record<string, unknown>>,
  { provider, idempotency }: RequestContext,
  mappings: MappingCompiler,
  fail: Fail,
  isRead = false,
): (inputs: Inputs) => Record<string, string> {
  for (const name of Object.keys(headers)) checkHeaderName(name, provider, inside(name, fail));
  const members = mappings.compileMembers(headers, fail);
  return (inputs) => {
    const rendered: Record<string, string> = {};
    for (const [name, mapped] of members) {
      const value = mapped(inputs);
      if (value !== undefined && value !== null) rendered[name] = assertFieldValue(name, value);
    }
    if (idempotency !== undefined && !isRead) rendered[idempotency.header] = idempotency.keyOf(inputs.scope);
    return rendered;
  };
}
