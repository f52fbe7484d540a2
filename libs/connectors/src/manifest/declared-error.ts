import { z } from 'zod';
import { pointerSchema } from './template.js';
import { headerNameSchema } from './url-rules.js';

const value = z.union([z.string().max(200), z.number(), z.boolean(), z.null()]);
const oneOrMore = <T extends z.ZodType>(of: T) => z.union([of, z.array(of).min(1).max(30)]);

export const failureKinds = ['rate_limited', 'unauthorized', 'missing_scopes', 'provider_unavailable', 'provider_error'] as const;

/** An answer that means a failure which its status alone does not tell. */
export const declaredErrorSchema = z.strictObject({
  when: z
    .strictObject({
      status: oneOrMore(z.int().min(200).max(599)),
      header: z.record(headerNameSchema, oneOrMore(z.string().max(200))).default({}),
      body: z.record(pointerSchema, oneOrMore(value)).default({}).describe('JSON Pointer → what stands there, or one of a list'),
    })
    .describe('All of it must hold'),
  as: z.enum(failureKinds),
  message: pointerSchema.optional().describe('Where the answer says in words what is wrong'),
});
export type DeclaredError = z.infer<typeof declaredErrorSchema>;

export const declaredErrorsSchema = z.array(declaredErrorSchema).max(50).default([]);
