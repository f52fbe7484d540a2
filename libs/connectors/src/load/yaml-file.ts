import { readFileSync, statSync } from 'node:fs';
import { jsonPointer } from '@keyward/contracts';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { ConnectorError, type ConnectorProblem } from './connector-error.js';
import { shapeProblem } from './value-shape.js';

/** Against a file that is not a connector at all, and against anchors that multiply ("billion laughs"). */
const MAX_FILE_BYTES = 2 * 1_048_576;
const MAX_ALIASES = 100;
const MAX_REPORTED = 20;

interface Positions {
  readonly document: Document;
  readonly lines: LineCounter;
}

/** A YAML text and the way back from a place in its value to a line. */
export class YamlFile {
  readonly value: unknown;
  #positions: Positions | undefined;

  /** @param path what problems name the text by */
  constructor(
    private readonly path: string,
    private readonly text: string,
  ) {
    if (Buffer.byteLength(text) > MAX_FILE_BYTES)
      throw new ConnectorError([this.at(0, '', `the file is larger than ${MAX_FILE_BYTES} bytes`)]);
    const document = this.guarded(() => parseText(text));
    const broken = [...document.errors, ...document.warnings].slice(0, MAX_REPORTED);
    if (broken.length > 0) throw new ConnectorError(broken.map((error) => this.at(error.pos[0], '', error.message)));
    const repeated = this.guarded(() => repeatedKeys(document)).slice(0, MAX_REPORTED);
    if (repeated.length > 0) throw new ConnectorError(repeated.map((offset) => this.at(offset, '', 'Map keys must be unique')));
    this.value = this.guarded(() => document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
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
    const document = path.length === 0 ? undefined : this.positions.document;
    for (let length = path.length; length > 0; length--) {
      const node = document?.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return this.at(node.range[0], jsonPointer(path), detail);
    }
    return this.at(0, jsonPointer(path), detail);
  }

  /** They are many times as large as the value, and hardly any file has a problem: parsed anew once one is told. */
  private get positions(): Positions {
    if (this.#positions === undefined) {
      const lines = new LineCounter();
      this.#positions = { document: parseText(this.text, lines), lines };
    }
    return this.#positions;
  }

  /** The parser throws on what it gives up on, a stack that is too deep among it. */
  private guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw new ConnectorError([this.at(0, '', `not readable: ${cause instanceof Error ? cause.message : 'unknown'}`)]);
    }
  }

  private at(offset: number, pointer: string, detail: string): ConnectorProblem {
    const line = offset === 0 ? 1 : Math.max(1, this.positions.lines.linePos(offset).line);
    return { file: this.path, line, pointer, detail };
  }
}

/** YAML 1.2 core: `on` and `no` are strings, keys are strings, no merge keys and no custom tags. */
function parseText(text: string, lineCounter?: LineCounter): Document {
  // The parser compares every key of a map with all the others; repeatedKeys does not.
  const options = { version: '1.2', schema: 'core', stringKeys: true, uniqueKeys: false, prettyErrors: false } as const;
  return parseDocument(text, lineCounter === undefined ? options : { ...options, lineCounter });
}

/** Where a key stands that its map has already. */
function repeatedKeys(document: Document): number[] {
  const offsets: number[] = [];
  const visit = (node: unknown): void => {
    if (isSeq(node)) for (const item of node.items) visit(item);
    if (!isMap(node)) return;
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      visit(value);
      if (!isScalar(key)) continue;
      if (seen.has(key.value)) offsets.push(key.range?.[0] ?? 0);
      seen.add(key.value);
    }
  };
  visit(document.contents);
  return offsets.sort((one, other) => one - other);
}
