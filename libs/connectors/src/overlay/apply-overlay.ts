import { createHash } from 'node:crypto';
import { KeywardError, microsOf } from '@keyward/contracts';
import canonicalize from 'canonicalize';
import { checkSensitive } from '../tool/check-sensitive.js';
import type { Fail } from '../tool/compile-tool.js';
import type { Arguments, Paging, Scope, Step, Tool } from '../tool/tool.js';
import type { ToolOverlay } from './overlay-definition.js';

/**
 * The tool as an organization has it.
 * @returns undefined where it is hidden
 */
export function applyOverlay(tool: Tool, overlay: ToolOverlay, fail: Fail): Tool | undefined {
  checkFixed(tool, overlay.arguments, (path, detail) => fail(['arguments', ...path], detail));
  checkSensitive(overlay.sensitive, tool.inputSchema, (path, detail) => fail(['sensitive', ...path], detail));
  if (overlay.hidden) return undefined;
  const { title = tool.title, description = tool.description, sensitive } = overlay;
  const version = createHash('sha256')
    .update(canonicalize([tool.version, overlay]) ?? '')
    .digest('hex')
    .slice(0, 12);
  const costMicros = overlay.cost === undefined ? tool.costMicros : microsOf(overlay.cost);
  const changed = { ...tool, title, description, version, costMicros, sensitive: [...tool.sensitive, ...sensitive] };
  return Object.freeze(Object.keys(overlay.arguments).length === 0 ? changed : withFixed(changed, overlay.arguments));
}

/** Fixed arguments must be ones that a caller could have given. */
function checkFixed({ inputSchema, validateArguments }: Tool, fixed: Arguments, fail: Fail): void {
  const properties = (inputSchema['properties'] ?? {}) as object;
  const unknown = Object.keys(fixed).find((name) => !Object.hasOwn(properties, name));
  if (unknown !== undefined) fail([unknown], `there is no argument "${unknown}"`);
  try {
    validateArguments(fixed);
  } catch (error) {
    if (!(error instanceof KeywardError)) throw error;
    const { errors = [] } = error.details as { errors?: { pointer: string; detail: string }[] };
    // What is missing beside them is for the caller to give.
    const [problem] = errors.filter(({ pointer }) => Object.hasOwn(fixed, pointer.split('/')[1] ?? ''));
    if (problem !== undefined) fail([problem.pointer.split('/')[1] ?? ''], problem.detail);
  }
}

/** Wherever the tool reads arguments it reads the fixed ones too. */
function withFixed(tool: Tool, fixed: Arguments): Tool {
  const all = (args: Arguments): Arguments => ({ ...args, ...fixed });
  const within = (scope: Scope): Scope => ({ ...scope, args: all(scope.args) });
  const { probe, compensate, pagination } = tool;
  return {
    ...tool,
    inputSchema: withoutFixed(tool.inputSchema, fixed),
    steps: tool.steps.map((step) => stepWithin(step, within)),
    pagination: pagination === null ? null : pagingWithin(pagination, all, within),
    probe:
      probe === null
        ? null
        : { step: stepWithin(probe.step, within), found: (answer, scope) => probe.found(answer, within(scope)) },
    compensate:
      compensate === null
        ? null
        : { tool: compensate.tool, arguments: (scope, output) => compensate.arguments(within(scope), output) },
    validateArguments: (args) => {
      assertNotFixed(args, fixed);
      return tool.validateArguments(all(args));
    },
    outputOf: (answer, scope) => tool.outputOf(answer, within(scope)),
  };
}

function stepWithin(step: Step, within: (scope: Scope) => Scope): Step {
  const { until, mcp, each } = step;
  return {
    ...step,
    wanted: (scope) => step.wanted(within(scope)),
    render: (scope, page) => step.render(within(scope), page),
    ...(until === undefined ? {} : { until: { ...until, reached: (answer, scope) => until.reached(answer, within(scope)) } }),
    ...(each === undefined ? {} : { each: (scope) => each(within(scope)) }),
    ...(mcp === undefined ? {} : { mcp: { ...mcp, arguments: (scope) => mcp.arguments(within(scope)) } }),
  };
}

function pagingWithin(paging: Paging, all: (args: Arguments) => Arguments, within: (scope: Scope) => Scope): Paging {
  return {
    wantedOf: (args) => paging.wantedOf(all(args)),
    page: (answer, scope, request) => paging.page(answer, within(scope), request),
    cursorOf: (next, args) => paging.cursorOf(next, all(args)),
  };
}

function withoutFixed(schema: Tool['inputSchema'], fixed: Arguments): Tool['inputSchema'] {
  const properties = Object.entries((schema['properties'] ?? {}) as object).filter(([name]) => !Object.hasOwn(fixed, name));
  const required = Array.isArray(schema['required'])
    ? schema['required'].filter((name) => !Object.hasOwn(fixed, String(name)))
    : [];
  return Object.freeze({ ...schema, properties: Object.fromEntries(properties), required });
}

function assertNotFixed(args: Arguments, fixed: Arguments): void {
  const given = Object.keys(fixed).find((name) => Object.hasOwn(args, name));
  if (given === undefined) return;
  const errors = [{ pointer: `/${given}`, detail: 'is not an argument of this tool' }];
  throw new KeywardError('invalid_arguments', `The arguments are not valid (/${given}: is not an argument of this tool).`, {
    details: { errors },
  });
}
