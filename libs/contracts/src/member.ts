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
