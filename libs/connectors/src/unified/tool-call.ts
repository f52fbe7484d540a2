import type { Arguments, Tool } from '../tool/tool.js';

/** A tool as it is called: by its own name, or by a unified one for a connector. */
export interface ToolCall {
  /** What is carried out, and what must be assigned. Of a unified name it gives the unified output. */
  readonly tool: Tool;
  /** Whether it is called by a unified name. */
  readonly isUnified: boolean;
  /**
   * The arguments that `tool` takes, valid.
   *
   * @throws KeywardError `invalid_arguments`, with pointers into what the caller gave
   */
  argumentsOf(): Promise<Arguments>;
}

export function nativeCall(tool: Tool, given: Arguments): ToolCall {
  return {
    tool,
    isUnified: false,
    argumentsOf: async () => {
      await tool.validateArguments(given);
      return given;
    },
  };
}
