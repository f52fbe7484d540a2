import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { isNode, type Node } from '../node.js';

/** Place of a definition → hash of what was generated there. */
export type Parts = Readonly<Record<string, string>>;

export interface ToolRecord {
  /** Edited by hand: parts that the source has changed since. */
  readonly behind?: readonly string[];
  readonly operation: string;
  readonly group: string;
  readonly parts: Parts;
}

/** `.import.json`: what the last import generated, so that the next one knows what people have changed since. */
export interface ImportRecord {
  readonly version: 1;
  /** Of what was read. */
  readonly source: { readonly address: string; readonly sha256: string; readonly read: string };
  /** Members of connector.yaml → hash. */
  readonly manifest: Parts;
  readonly tools: Readonly<Record<string, ToolRecord>>;
}

/** A definition's members, of its arguments each one: what can be told as changed by itself. */
export function partsOf(definition: Node): Parts {
  const parts: Record<string, string> = {};
  for (const [name, value] of Object.entries(definition)) {
    if (name !== 'input' || !isNode(value)) parts[name] = hashOf(value);
    else {
      const { properties, ...rest } = value;
      parts['input'] = hashOf(rest);
      for (const [argument, schema] of Object.entries(isNode(properties) ? properties : {}))
        parts[`input/${argument}`] = hashOf(schema);
    }
  }
  return parts;
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('base64url')
    .slice(0, 10);
}

/** Places where the two differ, in order. */
export function differences(one: Parts, other: Parts): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter(
    (name) => (Object.hasOwn(one, name) ? one[name] : undefined) !== (Object.hasOwn(other, name) ? other[name] : undefined),
  );
}

/** @returns undefined where it is not one of ours */
export function readRecord(text: string): ImportRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isNode(value) &&
      value['version'] === 1 &&
      isNode(value['tools']) &&
      isNode(value['manifest']) &&
      isNode(value['source'])
      ? (value as unknown as ImportRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

export function recordText(record: ImportRecord): string {
  return `${JSON.stringify(record, null, 1)}\n`;
}
