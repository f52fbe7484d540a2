import { parseOrThrow } from '@keyward/contracts';
import { z } from 'zod';
import type { Person } from './session-store.js';

/** What is stored and shown of a claim: bounded, and without control characters. */
const text = z
  .string()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u);
const identitySchema = z.object({ iss: text, sub: text });
const verifiedEmail = z.object({ email: z.email().max(254), email_verified: z.literal(true) });
const preferredUsername = z.object({ preferred_username: text });

/**
 * A person from the claims of a validated ID token, and from those of the same person about themselves. An address counts only where the
 * provider says, as a boolean, that it is verified: invitations are taken up by it (OpenID Connect Core 1.0 section 5.7).
 * @throws KeywardError `invalid_request`
 */
export function personOf(identity: unknown, profile: unknown): Person {
  const { iss, sub } = parseOrThrow(identitySchema, identity, 'identity token');
  return {
    issuer: iss,
    subject: sub,
    email: verifiedEmail.safeParse(profile).data?.email.toLowerCase() ?? null,
    preferredUsername: preferredUsername.safeParse(profile).data?.preferred_username ?? null,
  };
}
