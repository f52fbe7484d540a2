import { z } from 'zod';
import { pointerSchema } from './template.js';

const NAME = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _');

const shape = {
  title: z.string().min(1).max(80),
  description: z.string().max(300).default(''),
  example: z.string().max(200).optional(),
  /** Not a pattern of the manifest's: what may stand in a URL is too important to be left to one. */
  type: z
    .enum(['label', 'hostname', 'origin', 'identifier', 'email'])
    .describe('label: one DNS label; hostname; origin: https://host; identifier: A-Z a-z 0-9 _ . ~ -; email'),
  one_of: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
  host_suffixes: z
    .array(z.string().regex(/^\.[a-z0-9.-]+$/, 'must begin with a dot'))
    .min(1)
    .max(50)
    .optional()
    .describe('A hostname or origin must end with one of them'),
  default: z.string().max(200).optional(),
};

/** What differs from one connection to the next and is no secret: a subdomain, a tenant, the API host. `${connection.<name>}`. */
const connectionParameterSchema = z.strictObject({
  ...shape,
  source: z
    .union([
      z.literal('input'),
      z.strictObject({ callback: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) }),
      z.strictObject({ token_response: pointerSchema }),
    ])
    .default('input')
    .describe('Whom to take it from: the person, the redirect back to us, or the token response (from the top of the document)'),
  required: z.boolean().default(true),
});
export const connectionParametersSchema = z.record(NAME, connectionParameterSchema).default({});
export type ConnectionParameter = Readonly<z.infer<typeof connectionParameterSchema>>;

/** What belongs to a registration and is no secret: a tenant, a slug, a key id. `${app.<name>}`. */
export const appParametersSchema = z.record(NAME, z.strictObject({ ...shape, required: z.boolean().default(true) })).default({});
export type AppParameter = Readonly<z.infer<typeof appParametersSchema>[string]>;
