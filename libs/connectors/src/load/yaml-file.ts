import { readFileSync, statSync } from 'node:fs';
import { jsonPointer } from '@keyward/contracts';
import { isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import { ConnectorError, type ConnectorProblem } from './connector-error.js';
import { shapeProblem } from './value-shape.js';

/** Against a file that is not a connector at all, and against anchors that multiply ("billion laughs"). */
const MAX_FILE_BYTES = 2 * 1_048_576;
const MAX_ALIASES = 100;
const MAX_REPORTED = 20;

/** A YAML text and the way back from a place in its value to a line. */
export class YamlFile {
  readonly value: unknown;
  private readonly lines = new LineCounter();
  private readonly document: Document;

  /** @param path what problems name the text by */
  constructor(
    private readonly path: string,
    text: string,
  ) {
    if (Buffer.byteLength(text) > MAX_FILE_BYTES) throw this.error([], `the file is larger than ${MAX_FILE_BYTES} bytes`);
    this.document = this.guarded(() => parseText(text, this.lines));
    const broken = [...this.document.errors, ...this.document.warnings].slice(0, MAX_REPORTED);
    if (broken.length > 0) throw new ConnectorError(broken.map((error) => this.at(error.pos[0], '', error.message)));
    const repeated = this.guarded(() => repeatedKeys(this.document)).slice(0, MAX_REPORTED);
    if (repeated.length > 0) throw new ConnectorError(repeated.map((offset) => this.at(offset, '', 'Map keys must be unique')));
    this.value = this.guarded(() => this.document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
    const problem = shapeProblem(this.value);
    if (problem !== undefined) throw this.error(problem.place, problem.detail);
  }

  static read(path: string): YamlFile {
    if (statSync(path).size > MAX_FILE_BYTES) return new YamlFile(path, ' '.repeat(MAX_FILE_BYTES + 1));
    return new YamlFile(path, readFileSync(path, 'utf8'));
  }

  error(path: readonly PropertyKey[], detail: string): ConnectorError {
    return new ConnectorError([this.problem(path, detail)]);
  }

  /** @param value this file's own, or the same with variables filled in: places must match. */
  parse<T extends z.ZodType>(schema: T, value: unknown, base: readonly PropertyKey[] = []): z.infer<T> {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new ConnectorError(
      parsed.error.issues.slice(0, MAX_REPORTED).map((issue) => this.problem([...base, ...issue.path], issue.message)),
    );
  }

  problem(path: readonly PropertyKey[], detail: string): ConnectorProblem {
    for (let length = path.length; length > 0; length--) {
      const node = this.document?.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return this.at(node.range[0], jsonPointer(path), detail);
    }
    return this.at(0, jsonPointer(path), detail);
  }

  /** The parser throws on what it gives up on, a stack that is too deep among it. */
  private guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw this.error([], `not readable: ${cause instanceof Error ? cause.message : 'unknown'}`);
    }
  }

  private at(offset: number, pointer: string, detail: string): ConnectorProblem {
    return { file: this.path, line: Math.max(1, this.lines.linePos(offset).line), pointer, detail };
  }
}

/** YAML 1.2 core: `on` and `no` are strings, keys are strings, no merge keys and no custom tags. */
function parseText(text: string, lineCounter: LineCounter): Document {
  // The parser compares every key of a map with all the others; repeatedKeys does not.
  const options = { version: '1.2', schema: 'core', stringKeys: true, uniqueKeys: false, prettyErrors: false } as const;
  return parseDocument(text, { ...options, lineCounter });
}

/** Where a key stands that its map has already. */
function repeatedKeys(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Map: (_place, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) offsets.push(key.range?.[0] ?? 0);
        seen.add(key.value);
      }
    },
  });
  return offsets;
}
