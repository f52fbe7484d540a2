import { createHash } from 'node:crypto';
import { unfitAnswer } from '../answer/bindings.js';
import type { Expression } from '../expression/expression.js';
import type { Arguments, Tool } from '../tool/tool.js';

export interface Binding {
  /** Over an output, or one item of a list. */
  readonly output: Expression;
  readonly isList: boolean;
  /** Of the mapping. */
  readonly version: string;
  readonly outputSchema: Tool['outputSchema'];
}

/** The tool, giving what the unified one gives: everything else about it stays as it is. */
export function boundTool(tool: Tool, { output, isList, version, outputSchema }: Binding, given: Arguments): Tool {
  const unified = async (outputs: readonly unknown[]): Promise<object[]> => {
    const mapped = await output.evaluate(outputs, { args: given }).catch(unfitAnswer);
    return outputs.map((native, index) => ({ ...(mapped[index] as object | null | undefined), native }));
  };
  const unifiedOutput = async (native: unknown) => (isList ? unifiedList(native, unified) : (await unified([native]))[0]);
  const { pagination, probe, compensate } = tool;
  return Object.freeze({
    ...tool,
    version: createHash('sha256').update(`${version} ${tool.version}`).digest('hex').slice(0, 12),
    outputSchema,
    outputOf: async (answer, scope) => unifiedOutput(await tool.outputOf(answer, scope)),
    pagination: pagination && {
      ...pagination,
      page: async (answer, scope, request) => {
        const { items, next } = await pagination.page(answer, scope, request);
        return { items: await unified(items), next };
      },
    },
    probe: probe && {
      step: probe.step,
      found: async (answer, scope) => {
        const native = await probe.found(answer, scope);
        return native === undefined ? undefined : unifiedOutput(native);
      },
    },
    compensate: compensate && {
      tool: compensate.tool,
      arguments: (scope, result) => compensate.arguments(scope, (result as { native: unknown }).native),
    },
  } satisfies Tool);
}

/** Of a list that the tool makes by itself. */
async function unifiedList(native: unknown, unified: (items: readonly unknown[]) => Promise<object[]>): Promise<object> {
  const { items, nextCursor } = native as { items?: unknown; nextCursor?: unknown };
  return { items: await unified(Array.isArray(items) ? items : []), nextCursor: nextCursor ?? null };
}
