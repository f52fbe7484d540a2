import { KeywardError, parseOrThrow, type AgentAddress } from '@keyward/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { notFound, possibleId, type NamedPrefix } from '../../identity/not-found.js';

/**
 * Parses a body. Id members that can be no id are answered like ids that nobody has, with `absent` where given; everything else that
 * is wrong is named.
 */
export function parseBody<T extends z.ZodType>(
  schema: T,
  body: unknown,
  ids: Partial<Record<string, NamedPrefix>>,
  absent?: KeywardError,
): z.infer<T> {
  if (typeof body === 'object' && body !== null) {
    for (const [member, prefix] of Object.entries(ids)) {
      const value: unknown = Reflect.get(body, member);
      if (typeof value === 'string' && prefix !== undefined) possibleId(prefix, value, absent);
    }
  }
  return parseOrThrow(schema, body, 'body');
}

const organizationSchema = z.looseObject({
  organization: z.string({ error: 'the organization must be named, in the query or the body' }),
});

/**
 * Organization is never guessed: the query states it, or the body. Never both with different ones: who may act in one must not get to
 * the other.
 * @param absent the answer where it can be no organization's id: the one for whatever was asked for in it
 */
export function organizationOf(request: FastifyRequest, absent: KeywardError = notFound('org')): string {
  const query = request.query as Record<string, unknown>;
  const body: unknown = request.body ?? {};
  const inBody: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'organization') : undefined;
  if (query['organization'] !== undefined && inBody !== undefined && inBody !== query['organization'])
    throw new KeywardError('invalid_request', 'The query and the body name different organizations.');
  const source = query['organization'] === undefined ? body : query;
  return possibleId('org', parseOrThrow(organizationSchema, source, 'request').organization, absent);
}

/** Of a body that has nothing to say but, perhaps, the organization. */
export const onlyOrganizationSchema = z.strictObject({ organization: z.string().optional() }).optional();

/** That an organization or agent does not exist is no news about what it would have: all are one answer. */
export function agentAddress(request: FastifyRequest, id: string, absent = notFound('agt')): AgentAddress {
  return { org: organizationOf(request, absent), agent: possibleId('agt', id, absent) };
}
