import { z } from 'zod';

const scope = z
  .string()
  // RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'must be a scope token of RFC 6749 section 3.3');

export const scopesSchema = z.strictObject({
  default: z.array(scope).max(100).default([]).describe('What a connect session asks for when it names no scopes'),
  parameter: z
    .string()
    .regex(/^[a-z_]{1,32}$/)
    .default('scope')
    .describe('Name of the parameter that carries them'),
  separator: z.enum([' ', ',', '+']).default(' ').describe('Between scopes in a request; RFC 6749 says a space'),
  encoding: z
    .enum(['percent', 'raw'])
    .default('percent')
    .describe('raw: the list stands in the URL as it is, not percent-encoded'),
  when_empty: z.enum(['omit', 'send']).default('omit').describe('Whether the parameter is there when no scope is asked for'),
  descriptions: z
    .record(z.string(), z.string().min(1).max(200))
    .default({})
    .describe('What each scope allows, in words for the person who consents'),
});
export type Scopes = Readonly<z.infer<typeof scopesSchema>>;
