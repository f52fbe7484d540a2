import { z } from 'zod';
import { idSchema } from './ids.js';

/** An issuer whose tokens say who a workload is: a Kubernetes cluster, or any OpenID provider. */
export const trustedIssuerSchema = z.object({
  id: idSchema('iss'),
  organization: idSchema('org'),
  issuer: z.url(),
  audience: z.string(),
  jwksUri: z.url().nullable(),
  createdAt: z.iso.datetime(),
});
export const createTrustedIssuerSchema = z.strictObject({
  organization: idSchema('org'),
  issuer: z.url().max(2048),
  /** Names the organization, as `keyward:org_…` does: so that no other one can claim the same tokens. */
  audience: z.string().min(1).max(512),
  /** Left out: found by OpenID Connect Discovery. */
  jwksUri: z.url().max(2048).optional(),
});

/** Which of its workloads are which agent: every claim named must be in the token and equal. */
export const workloadBindingSchema = z.object({
  id: idSchema('wlb'),
  trustedIssuer: idSchema('iss'),
  agent: idSchema('agt'),
  claims: z.record(z.string(), z.string()),
  createdAt: z.iso.datetime(),
});
export const createWorkloadBindingSchema = z.strictObject({
  organization: idSchema('org'),
  agent: idSchema('agt'),
  claims: z
    .record(z.string().min(1).max(200), z.string().min(1).max(1000))
    .refine((claims) => Object.hasOwn(claims, 'sub'), 'must name at least sub'),
});
