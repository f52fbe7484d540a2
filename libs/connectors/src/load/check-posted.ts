import { KeywardError } from '@keyward/contracts';
import { ExpressionError } from '../expression/expression.js';
import type { Tool } from '../tool/tool.js';
import { ConnectorError } from './connector-error.js';

/** All of a connector's; a schema that somebody wrote for people takes milliseconds. */
const WITHIN_MS = 10_000;

/**
 * Whether the schemas of a posted connector's arguments can be compiled, which is done apart like all that is done with them, and not for
 * ever.
 *
 * @throws ConnectorError that names each tool whose schema is none
 */
export async function checkPosted(tools: readonly Tool[]): Promise<void> {
  const began = performance.now();
  const problems: { file: string; line: number; pointer: string; detail: string }[] = [];
  for (const [index, tool] of tools.entries()) {
    const at = { file: 'tools.yaml', line: 1, pointer: `/${index}/input` };
    if (performance.now() - began > WITHIN_MS)
      throw new ConnectorError([{ ...at, detail: 'compiling the schemas up to this one takes too long' }]);
    const detail = await problemOf(tool);
    if (detail !== undefined) problems.push({ ...at, detail: `the schema of "${tool.name}" ${detail}` });
  }
  if (problems.length > 0) throw new ConnectorError(problems);
}

async function problemOf(tool: Tool): Promise<string | undefined> {
  try {
    await tool.validateArguments({});
  } catch (error) {
    if (!(error instanceof KeywardError)) throw error;
    // That there are arguments missing says that it was compiled.
    return error.cause instanceof ExpressionError ? error.cause.message : undefined;
  }
  return undefined;
}
