import { idSchema } from '@keyward/contracts';
import type { Answer } from '@keyward/service-host';
import { z } from 'zod';

/** Where a request has no body that could name it. */
export const inOrganization = { organization: idSchema('org') };
export const cursor = z.string().optional();

export function page(key: string, item: z.ZodType) {
  return z.object({ [key]: z.array(item), nextCursor: z.string().nullable() });
}

export const ok = (schema: string, description = 'As it is now.'): Record<number, Answer> => ({ 200: { description, schema } });
export const made = (schema: string, description = 'It was made.'): Record<number, Answer> => ({ 201: { description, schema } });
export const gone: Record<number, Answer> = { 204: { description: 'It is gone.' } };

export const htmlPage = (description: string): Answer => ({ description, type: 'text/html', schema: { type: 'string' } });
export const redirect: Answer = {
  description: 'See other.',
  headers: { Location: { description: 'Where to go on.', schema: { type: 'string' } } },
};
