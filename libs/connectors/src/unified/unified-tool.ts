import { KeywardError, type ToolEffect } from '@keyward/contracts';
import type { CompiledArguments } from '../tool/compile-arguments.js';
import type { Arguments, Tool } from '../tool/tool.js';
import type { CompiledMapping } from './compile-mapping.js';
import type { ToolCall } from './tool-call.js';

type Schema = Readonly<Record<string, unknown>>;

/** The argument that says for which connector a unified tool is called. */
export const CONNECTOR = 'connector';

interface Parts {
  name: string;
  title: string;
  description: string;
  effect: ToolEffect;
  outputSchema: Schema;
  /** Of all connectors. */
  compiled: CompiledArguments;
  /** By connector. */
  mappings: ReadonlyMap<string, CompiledMapping>;
}

/** One name for what several connectors have a tool for, with the same arguments and the same output. Immutable. */
export class UnifiedTool {
  readonly name: string;
  readonly title: string;
  /** The most that a tool behind it may do. */
  readonly effect: ToolEffect;
  /** Of what every call gives. */
  readonly outputSchema: Schema;
  /** Connector → its tool behind this one, in the order of connectors. */
  readonly toolNames: ReadonlyMap<string, string>;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    ({ name: this.name, title: this.title, effect: this.effect, outputSchema: this.outputSchema } = parts);
    this.toolNames = new Map([...parts.mappings].map(([connector, { toolName }]) => [connector, toolName]));
    this.#parts = parts;
  }

  /** How a model is told of it that may call it for these connectors, one at least. */
  describe(connectors: readonly string[]): { description: string; inputSchema: Schema } {
    const { description, compiled, mappings } = this.#parts;
    const about = connectors.flatMap((connector) => {
      const notes = mappings.get(connector)?.notes;
      return notes === undefined ? [] : [`- ${connector}: ${notes}`];
    });
    const { properties, required, ...rest } = compiled.inputSchema as { properties: Schema; required: string[] };
    const choice = { ...(properties[CONNECTOR] as Schema), enum: [...connectors] };
    return {
      description: [description, ...about].join('\n'),
      inputSchema: {
        ...rest,
        properties: { ...properties, [CONNECTOR]: choice },
        required: required.filter((name) => name !== CONNECTOR || connectors.length > 1),
      },
    };
  }

  /**
   * The call that these arguments, `connector` among them, ask for.
   *
   * @param tools by connector, as whoever calls has them
   * @throws KeywardError `invalid_arguments` at /connector
   */
  call(given: Arguments, tools: ReadonlyMap<string, Tool>): ToolCall {
    const connector = Object.hasOwn(given, CONNECTOR) ? given[CONNECTOR] : undefined;
    const [tool, mapping] = typeof connector === 'string' ? [tools.get(connector), this.#parts.mappings.get(connector)] : [];
    if (tool === undefined || mapping === undefined) throw this.mustChoose([...tools.keys()]);
    return {
      tool: mapping.bind(tool, given),
      isUnified: true,
      argumentsOf: async () => {
        await this.#parts.compiled.validate(given);
        return mapping.argumentsOf(tool, given);
      },
    };
  }

  /** @param among what may be chosen */
  mustChoose(among: readonly string[]): KeywardError {
    const errors = [{ pointer: `/${CONNECTOR}`, detail: `must be one of ${among.join(', ')}` }];
    return new KeywardError('invalid_arguments', `The arguments are not valid (/${CONNECTOR}: ${errors[0]?.detail}).`, {
      details: { errors },
    });
  }
}
