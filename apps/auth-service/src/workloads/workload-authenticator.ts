import { asKeywardError, KeywardError, type AgentAddress } from '@keyward/contracts';
import { prepared, type PreparedStatement } from '@keyward/postgres';
import { errors, jwtVerify } from 'jose';
import type { DataSource } from 'typeorm';
import { unauthenticated } from '../identity/bearer.js';
import type { KeySets } from './key-sets.js';
import { matches, readUnverified, WORKLOAD_ALGORITHMS } from './workload-token.js';

/** Of clocks, between the issuer's and ours. */
const LEEWAY_SECONDS = 60;

export interface Workload extends AgentAddress {
  /** Claim `sub`. */
  subject: string;
  /** Until when the token counts, the difference of clocks included. */
  expiresAt: Date;
}

interface Binding {
  org_id: string;
  audience: string;
  jwks_uri: string | null;
  agent_id: string;
  claims: Record<string, string>;
}

const FIND: PreparedStatement = {
  name: 'auth_find_workload_bindings',
  text: 'SELECT org_id, audience, jwks_uri, agent_id, claims FROM identity.find_workload_bindings($1)',
};

/**
 * Which agent a workload is, by the identity token that its platform gave it (RFC 7519; RFC 8725 for what to look at). Each organization
 * vouches for an issuer with the keys that it named, and only for its own agents: a binding is verified with its own organization's
 * source of keys, so that nobody's keys speak for anyone else's agents.
 */
export class WorkloadAuthenticator {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keySets: KeySets,
  ) {}

  /** @throws KeywardError `unauthenticated` whatever is wrong with it; `dependency_unavailable` where the issuer's keys can't be read */
  async authenticate(token: string): Promise<Workload> {
    const unverified = readUnverified(token);
    if (unverified === undefined) throw unauthenticated();
    const { issuer, audiences, claims } = unverified;
    const trusted = await prepared<Binding>(this.dataSource, FIND, [issuer]);
    // Keys are fetched only for a token that would be someone's, were it genuine.
    const candidates = trusted.filter((binding) => audiences.includes(binding.audience) && matches(binding.claims, claims));
    const verified = await this.#verified(token, issuer, candidates);
    const [binding, ...others] = verified.bindings;
    if (binding === undefined) throw verified.unavailable ?? unauthenticated();
    // Two agents can't be told apart by this token: it stands for neither.
    if (others.some((other) => other.org_id !== binding.org_id || other.agent_id !== binding.agent_id)) throw unauthenticated();
    const { sub = '', exp = 0 } = claims as { sub?: string; exp?: number };
    return { org: binding.org_id, agent: binding.agent_id, subject: sub, expiresAt: new Date((exp + LEEWAY_SECONDS) * 1000) };
  }

  /** Those of the bindings whose own source of keys says that the token is genuine. */
  async #verified(
    token: string,
    issuer: string,
    candidates: readonly Binding[],
  ): Promise<{ bindings: Binding[]; unavailable: KeywardError | undefined }> {
    const bindings: Binding[] = [];
    let unavailable: KeywardError | undefined;
    for (const jwksUri of new Set(candidates.map(({ jwks_uri: uri }) => uri))) {
      const under = candidates.filter(({ jwks_uri: uri }) => uri === jwksUri);
      try {
        await jwtVerify(token, await this.keySets.of({ issuer, jwksUri }), {
          algorithms: WORKLOAD_ALGORITHMS,
          issuer,
          audience: under.map(({ audience }) => audience),
          clockTolerance: LEEWAY_SECONDS,
          requiredClaims: ['sub', 'exp'],
        });
        bindings.push(...under);
      } catch (thrown) {
        if (!isRefusal(thrown)) unavailable = asUnavailable(thrown);
      }
    }
    return { bindings, unavailable };
  }
}

/** Anything but what is wrong with the token itself means that it could not be decided. */
function isRefusal(thrown: unknown): boolean {
  if (!(thrown instanceof errors.JOSEError)) return false;
  return !(thrown instanceof errors.JWKSTimeout || thrown instanceof errors.JWKSInvalid || thrown.code === 'ERR_JOSE_GENERIC');
}

function asUnavailable(thrown: unknown): KeywardError {
  const error = asKeywardError(thrown);
  if (error.code === 'dependency_unavailable') return error;
  return new KeywardError('dependency_unavailable', 'The token’s issuer can not be asked.', { cause: thrown });
}
