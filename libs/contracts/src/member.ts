import { z } from 'zod';
import { idSchema } from './ids.js';

/**
 * What a person may do in an organization, each role all of the next and more. owner: members, and shredding. admin: everything else
 * that changes something. auditor: reads all, audit trail included. viewer: reads all but the audit trail.
 */
export const memberRoles = ['owner', 'admin', 'auditor', 'viewer'] as const;
export type MemberRole = (typeof memberRoles)[number];

export const memberSchema = z.object({
  id: idSchema('mbr'),
  organization: idSchema('org'),
  email: z.string(),
  role: z.enum(memberRoles),
  /** Whether the person has signed in yet; from then on it is that identity, and no longer whoever has the address. */
  joined: z.boolean(),
  createdAt: z.iso.datetime(),
  lastSignInAt: z.iso.datetime().nullable(),
});
export type Member = z.infer<typeof memberSchema>;

export const createMemberSchema = z.strictObject({
  organization: idSchema('org'),
  email: z.email().max(254).toLowerCase(),
  role: z.enum(memberRoles),
});
export const updateMemberSchema = z.strictObject({ role: z.enum(memberRoles) });

/** `GET /v1/me`: who asks, as Keyward sees them. */
export const meSchema = z.discriminatedUnion('kind', [
  /** The holder of the deployment's admin token: owner of every organization. */
  z.object({ kind: z.literal('operator') }),
  z.object({
    kind: z.literal('person'),
    issuer: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    preferredUsername: z.string().nullable(),
    memberships: z.array(
      z.object({
        member: idSchema('mbr'),
        organization: idSchema('org'),
        slug: z.string(),
        name: z.string(),
        role: z.enum(memberRoles),
      }),
    ),
  }),
]);
export type Me = z.infer<typeof meSchema>;

/** `POST /v1/cli-sessions`: what the loopback redirect brought, and the verifier whose S256 challenge opened the sign-in (RFC 7636). */
export const createCliSessionSchema = z.strictObject({
  code: z.string().min(1).max(4096),
  verifier: z.string().regex(/^[A-Za-z0-9._~-]{43,128}$/, 'must be a code verifier of RFC 7636 section 4.1'),
});
/** The one answer that holds the token. */
export const cliSessionSchema = z.object({ token: z.string(), expiresAt: z.iso.datetime() });
