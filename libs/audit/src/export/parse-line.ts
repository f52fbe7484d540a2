import { broken } from './broken.js';
import { exportLineSchema, type ExportLine } from './lines.js';
import { AmbiguousJson, parseStrictJson } from './strict-json.js';

/** A line that is not even JSON: in the last place it is one that was cut. */
export class NotJson extends Error {}

/**
 * One line of an export. The event is the one that stands there, with every member: the schema only looks at it.
 * @throws NotJson; ExportBroken `malformed_line`
 */
export function parseExportLine(text: string, line: number): ExportLine {
  const value = parse(text, line);
  const parsed = exportLineSchema.safeParse(value);
  if (parsed.success) return value as ExportLine;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.slice(0, 3).map(String).join('.')}`;
  throw broken('malformed_line', line, `it is no line of an export${where}: ${issue?.code ?? 'of another shape'}`);
}

function parse(text: string, line: number): unknown {
  try {
    return parseStrictJson(text);
  } catch (thrown) {
    if (thrown instanceof AmbiguousJson) throw broken('malformed_line', line, `it can be read in two ways: ${thrown.message}`);
    if (thrown instanceof SyntaxError) throw new NotJson();
    throw broken('malformed_line', line, 'it is nested too deeply');
  }
}
