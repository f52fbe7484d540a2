import { KeywardError } from '@keyward/contracts';
import { answerBindings, contextOf, requestBindings, unfitAnswer } from '../answer/bindings.js';
import { isTrue, valueOf } from '../expression/expression.js';
import type { RequestDefinition } from '../manifest/request-definition.js';
import type { StepDefinition, ToolDefinition } from '../manifest/tool-definition.js';
import { compileGraphql } from '../request/compile-graphql.js';
import { compileHttp } from '../request/compile-http.js';
import { compileMcp } from '../request/compile-mcp.js';
import type { CompiledRequest, RequestContext } from '../request/context.js';
import { ANSWER_VARIABLES, REQUEST_VARIABLES, unfitArguments } from '../request/declared.js';
import { inside } from '../request/mapping.js';
import type { Fail } from './compile-tool.js';
import type { Scope, Step } from './tool.js';

/** Requests that one step may make. */
const MAX_ITEMS = 100;

/** @param definition a step, or the tool's only request under the id `request` */
export function compileStep(
  definition: StepDefinition,
  effect: ToolDefinition['effect'],
  context: RequestContext,
  fail: Fail,
): Step {
  const { id, request, repeatable, until, for_each: list } = definition;
  const compiled = compileRequest(request, { ...context, hasItem: list !== undefined }, inside('request', fail));
  const { pathTemplate, isRead, render, mcp } = compiled;
  const isRepeatable = repeatable ?? (effect === 'read' || isRead);
  if (until !== undefined && !isRepeatable)
    fail(['until'], 'repeats the request, which is no read: say repeatable where that is harmless');
  return Object.freeze({
    id,
    kind: request.kind ?? 'http',
    pathTemplate,
    repeatable: isRepeatable,
    wanted: compileWhen(definition, context, fail),
    render,
    ...(list === undefined ? {} : { each: compileEach(list, context, inside('for_each', fail)) }),
    ...(until === undefined ? {} : { until: compileUntil(until, context, inside('until', fail)) }),
    ...(mcp === undefined ? {} : { mcp }),
  });
}

export function compileRequest(
  request: RequestDefinition,
  context: RequestContext,
  fail: Fail,
): CompiledRequest & { mcp?: NonNullable<Step['mcp']> } {
  if (request.kind === 'graphql') return compileGraphql(request, context, fail);
  if (request.kind === 'mcp') return compileMcp(request, context, fail);
  return compileHttp(request, context, fail);
}

function compileWhen({ when }: StepDefinition, { declared, steps }: RequestContext, fail: Fail): Step['wanted'] {
  if (when === undefined) return async () => true;
  const expression = declared.expression(
    when,
    { context: 'arguments', steps, variables: REQUEST_VARIABLES },
    inside('when', fail),
  );
  return async (scope) => isTrue(await valueOf(expression, scope.args, requestBindings(scope)).catch(unfitArguments));
}

function compileEach(list: string, { declared, steps }: RequestContext, fail: Fail): NonNullable<Step['each']> {
  const expression = declared.expression(list, { context: 'arguments', steps, variables: REQUEST_VARIABLES }, fail);
  return async (scope) => {
    const value = await valueOf(expression, scope.args, requestBindings(scope)).catch(unfitArguments);
    // An expression gives one item as itself, and none as nothing.
    const items = value === undefined || value === null ? [] : Array.isArray(value) ? (value as unknown[]) : [value];
    if (items.length > MAX_ITEMS)
      throw new KeywardError('invalid_arguments', `This would be ${items.length} requests, and ${MAX_ITEMS} are the most.`);
    return items.map((item, index): Scope => ({ ...scope, item, key: `${scope.key}-${index}` }));
  };
}

function compileUntil(
  { check, every_ms: everyMs, at_most: atMost }: NonNullable<StepDefinition['until']>,
  { declared, steps }: RequestContext,
  fail: Fail,
): NonNullable<Step['until']> {
  const expression = declared.expression(check, { context: 'answer', steps, variables: ANSWER_VARIABLES }, inside('check', fail));
  return {
    everyMs,
    atMost,
    reached: async (answer, scope) =>
      isTrue(await valueOf(expression, contextOf(answer), answerBindings(answer, scope)).catch(unfitAnswer)),
  };
}
