import { z } from 'zod';
import { errorCodes, KeywardError } from './errors.js';

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(errorCodes),
  detail: z.string(),
  traceId: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  connectUrl: z.string().optional(),
  missingScopes: z.array(z.string()).optional(),
  retryAfterMs: z.number().optional(),
  providerStatus: z.int().optional(),
  providerBody: z.unknown().optional(),
  executionId: z.string().optional(),
  attempts: z.int().optional(),
  completedSteps: z.array(z.string()).optional(),
  sentAt: z.string().optional(),
  budget: z.string().optional(),
  period: z.string().optional(),
  resetsAt: z.string().optional(),
});

/** RFC 6901: `~` and `/` are the two characters that need escaping in a reference token. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Parses what came in at an edge; what does not fit is an `invalid_request` that names each place. Values are not echoed. */
export function parseOrThrow<T extends z.ZodType>(schema: T, value: unknown, what = 'request'): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, 20).map((issue) => ({ pointer: jsonPointer(issue.path), detail: issue.message }));
  const where = errors.map((error) => `${error.pointer === '' ? 'the whole' : error.pointer}: ${error.detail}`).join('; ');
  throw new KeywardError('invalid_request', `The ${what} is not valid (${where}).`, { details: { errors } });
}
