import { createHash } from 'node:crypto';
import { KeywardError } from '@keyward/contracts';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import type { Arguments, Position } from '../tool/tool.js';

export const MAX_CURSOR_LENGTH = 8_192;

const cursorSchema = z.strictObject({
  at: z.json().optional(),
  skip: z.int().min(0).max(1_000_000).optional(),
  size: z.int().min(1).max(10_000).optional(),
  sum: z.string(),
});

/**
 * A position as opaque text. It names no authority: whatever somebody makes of it, the tool asks for another page of the same list, see
 * next-address.ts. The sum is there so that a cursor of another tool, or for other arguments, is told and not followed.
 */
export function encodeCursor(tool: string, args: Arguments, position: Position): string {
  return Buffer.from(JSON.stringify({ ...position, sum: sumOf(tool, args, position) })).toString('base64url');
}

/**
 * @param isPlace whether `at` is of the tool's style
 * @throws KeywardError `invalid_arguments` at /cursor
 */
export function decodeCursor(tool: string, args: Arguments, text: unknown, isPlace: (at: unknown) => boolean): Position {
  const parsed = typeof text === 'string' ? cursorSchema.safeParse(jsonOf(text)) : undefined;
  if (parsed?.success !== true) throw refused();
  const { at, skip, size, sum } = parsed.data;
  const position: Position = {
    ...(at === undefined ? {} : { at }),
    ...(skip === undefined ? {} : { skip }),
    ...(size === undefined ? {} : { size }),
  };
  if (sum !== sumOf(tool, args, position) || (at !== undefined && !isPlace(at))) throw refused();
  return position;
}

function jsonOf(text: string): unknown {
  if (text.length > MAX_CURSOR_LENGTH) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  // The decoder passes over what does not belong.
  if (bytes.toString('base64url') !== text) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function sumOf(tool: string, args: Arguments, position: Position): string {
  const { cursor: _cursor, limit: _limit, ...others } = args;
  return createHash('sha256')
    .update(canonicalize([tool, others, position]) ?? '')
    .digest('hex')
    .slice(0, 16);
}

function refused(): KeywardError {
  const errors = [{ pointer: '/cursor', detail: 'was not given out for these arguments of this tool' }];
  return new KeywardError('invalid_arguments', 'The cursor was not given out for these arguments of this tool (/cursor).', {
    details: { errors },
  });
}
