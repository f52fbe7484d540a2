import { microsOf } from '@keyward/contracts';
import { answerBindings, contextOf, unfitAnswer } from '../answer/bindings.js';
import { compileFailures } from '../answer/failure.js';
import { evaluatedHere } from '../expression/compile-expression.js';
import { valueOf, type Evaluator, type Expression } from '../expression/expression.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { StepDefinition, ToolDefinition } from '../manifest/tool-definition.js';
import { compilePaging } from '../paging/compile-paging.js';
import { placePage } from '../paging/placer.js';
import type { RequestContext } from '../request/context.js';
import { ANSWER_VARIABLES, Declared } from '../request/declared.js';
import { checkHeaderName } from '../request/header-fields.js';
import { inside, MappingCompiler } from '../request/mapping.js';
import { listingSchema, pagedParts, withPageArguments } from './check-pagination.js';
import { checkSensitive } from './check-sensitive.js';
import { ArgumentCompiler, type CheckApart } from './compile-arguments.js';
import { compileStep } from './compile-step.js';
import type { Step, Tool } from './tool.js';
import { versionOf } from './version.js';

/** Ends loading: what is wrong, and where in the tool's definition. */
export type Fail = (path: readonly PropertyKey[], detail: string) => never;

/** What the parts of one tool are compiled with. */
interface Workshop {
  readonly definition: ToolDefinition;
  readonly provider: ProviderManifest;
  readonly declared: Declared;
  readonly fail: Fail;
}

/** Id of the step of a tool that has one request. */
const ONLY_STEP = 'request';

export class ToolCompiler {
  private readonly args: ArgumentCompiler;
  private readonly evaluator: Evaluator;

  constructor(options: { evaluator?: Evaluator; checkApart?: CheckApart } = {}) {
    this.args = new ArgumentCompiler(options);
    this.evaluator = options.evaluator ?? evaluatedHere;
  }

  compile(definition: ToolDefinition, provider: ProviderManifest, fail: Fail): Tool {
    const { name, title, description, effect, scopes, sensitive, documentation, pagination } = definition;
    const input = withPageArguments(definition.input, pagination, inside('input', fail));
    const { inputSchema, validate } = this.args.compile(input as Record<string, unknown>, inside('input', fail));
    const workshop: Workshop = { definition, provider, declared: new Declared(inputSchema, this.evaluator), fail };
    const steps = compileSteps(workshop);
    const select = compileSelect(workshop);
    const [first] = steps as [Step];
    const tool: Tool = {
      ...{ name, title, description, provider, effect, scopes, inputSchema, sensitive, steps },
      version: versionOf(definition, provider),
      outputSchema: outputSchemaOf(this.args, workshop),
      documentation: documentation ?? null,
      costMicros: definition.cost === undefined ? null : microsOf(definition.cost),
      limits: limitsOf(workshop),
      pagination:
        pagination === undefined
          ? null
          : compilePaging({ tool: name, provider, pagination, select, step: first, base: baseOf(definition) }),
      idempotent: definition.idempotency !== 'none' && 'header' in definition.idempotency,
      probe: compileProbe(workshop),
      compensate: compileCompensation(workshop),
      validateArguments: validate,
      failureOf: compileFailures(
        [...definition.errors, ...provider.errors],
        steps.some(({ kind }) => kind === 'graphql'),
      ),
      outputOf: compileOutput(pagination === undefined ? select : undefined, steps),
    };
    checkSensitive(sensitive, inputSchema, inside('sensitive', fail));
    const [unused] = workshop.declared.unused();
    if (unused !== undefined) fail(['input', 'properties', unused], 'the request does not use this argument');
    return Object.freeze(tool);
  }
}

function compileSteps({ definition, provider, declared, fail }: Workshop): Step[] {
  const { request, steps, pagination, effect } = definition;
  if (pagination !== undefined) for (const name of ['limit', 'cursor']) declared.use(name, fail);
  const paged = pagedParts(pagination, request, provider, inside('pagination', fail));
  const place = pagination === undefined ? undefined : (page: Parameters<typeof placePage>[1]) => placePage(pagination, page);
  const context = { provider, declared, place, paged };
  const header = idempotencyHeader(definition, provider, fail);
  if (request !== undefined) {
    const idempotency = header === undefined ? undefined : { header, keyOf: ({ key }: { key: string }) => key };
    const only: StepDefinition = { id: ONLY_STEP, request };
    return [compileStep(only, effect, { ...context, idempotency, steps: new Set() }, fail)];
  }
  const before = new Set<string>();
  return (steps ?? []).map((step, index) => {
    if (before.has(step.id)) fail(['steps', index, 'id'], 'another step has this id');
    // The same key for two operations would be a conflict, or make the second one answer as the first.
    const idempotency = header === undefined ? undefined : { header, keyOf: ({ key }: { key: string }) => `${key}-${step.id}` };
    const compiled = compileStep(
      step,
      effect,
      { ...context, idempotency, steps: new Set(before) },
      inside(index, inside('steps', fail)),
    );
    before.add(step.id);
    return compiled;
  });
}

function idempotencyHeader({ idempotency }: ToolDefinition, provider: ProviderManifest, fail: Fail): string | undefined {
  if (idempotency === 'none' || !('header' in idempotency)) return undefined;
  checkHeaderName(idempotency.header, provider, inside('header', inside('idempotency', fail)));
  return idempotency.header;
}

function compileSelect({ definition, declared, fail }: Workshop): Expression | undefined {
  const { output, steps = [] } = definition;
  if (output.select === undefined) return undefined;
  const ids = new Set(steps.map(({ id }) => id));
  const at = inside('select', inside('output', fail));
  return declared.expression(output.select, { context: 'answer', steps: ids, variables: ANSWER_VARIABLES }, at);
}

/** Of GraphQL, without `select`, the data: errors beside it are in the whole answer only. */
function compileOutput(select: Expression | undefined, steps: readonly Step[]): Tool['outputOf'] {
  if (select === undefined) {
    const isGraphql = steps.at(-1)?.kind === 'graphql';
    return async ({ body }) => (isGraphql && typeof body === 'object' && body !== null && 'data' in body ? body.data : body);
  }
  return async (answer, scope) =>
    (await valueOf(select, contextOf(answer), answerBindings(answer, scope)).catch(unfitAnswer)) ?? null;
}

function outputSchemaOf(args: ArgumentCompiler, { definition, fail }: Workshop): Tool['outputSchema'] {
  const { output, pagination } = definition;
  if (output.schema === undefined) return pagination === undefined ? null : listingSchema();
  return args.checkOutput(output.schema, inside('schema', inside('output', fail)));
}

function limitsOf({ definition: { limits }, provider, fail }: Workshop): Tool['limits'] {
  const isKnown = limits.bucket === 'default' || provider.limits.quotas.some(({ bucket }) => bucket === limits.bucket);
  if (!isKnown) fail(['limits', 'bucket'], `the connector has no quota for "${limits.bucket}"`);
  return limits;
}

function baseOf({ request }: ToolDefinition): string | undefined {
  return request?.base;
}

function compileProbe({ definition, provider, declared, fail }: Workshop): Tool['probe'] {
  const { idempotency } = definition;
  if (idempotency === 'none' || !('probe' in idempotency)) return null;
  const at = inside('probe', inside('idempotency', fail));
  const none = new Set<string>();
  const context: RequestContext = {
    ...{ provider, declared, steps: none, idempotency: undefined, place: undefined },
    paged: { query: none, variables: none, needsBody: false },
  };
  // Of a write only what reads by itself is repeatable.
  const step = compileStep({ id: 'probe', request: idempotency.probe.request }, 'write', context, at);
  if (!step.repeatable) at(['request'], 'a probe is a GET or a GraphQL query: it must change nothing');
  const found = declared.expression(
    idempotency.probe.found,
    { context: 'answer', steps: none, variables: ANSWER_VARIABLES },
    inside('found', at),
  );
  return {
    step,
    found: (answer, scope) => valueOf(found, contextOf(answer), answerBindings(answer, scope)).catch(unfitAnswer),
  };
}

function compileCompensation({ definition, declared, fail }: Workshop): Tool['compensate'] {
  const { compensate } = definition;
  if (compensate === undefined) return null;
  const mappings = new MappingCompiler(declared, new Set(), ['output']);
  const mapped = mappings.compile(compensate.arguments, inside('arguments', inside('compensate', fail)));
  return {
    tool: compensate.tool,
    arguments: async (scope, output) => mapped(await mappings.inputs(scope, { output })) as Record<string, unknown>,
  };
}
