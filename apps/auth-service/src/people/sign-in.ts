import { KeywardError } from '@keyward/contracts';
import type { DataSource } from 'typeorm';
import { admit } from './admit.js';
import type { CliCodes } from './cli-codes.js';
import type { IdentityProvider } from './identity-provider.js';
import type { PersonSessions } from './person-sessions.js';
import type { Person, SessionStore } from './session-store.js';
import type { PendingSignIn } from './sign-in-cookie.js';

/** What somebody signs in for: a page of ours, a command line, or neither. */
export type Purpose = Pick<PendingSignIn, 'returnTo' | 'cli'>;

export interface SignInParts {
  dataSource: DataSource;
  /** Undefined where the deployment has none. */
  provider: IdentityProvider | undefined;
  people: PersonSessions;
  sessions: SessionStore;
  cliCodes: CliCodes;
}

export interface SignedIn {
  person: Person;
  token: string;
  expiresAt: Date;
}

/** How people come in, and out. */
export class SignIn {
  constructor(private readonly parts: SignInParts) {}

  /** @returns where the browser goes, and what it keeps meanwhile. @throws KeywardError `dependency_unavailable` */
  async begin(purpose: Purpose): Promise<{ url: string; pending: PendingSignIn }> {
    const { url, ...transaction } = await this.#provider().begin();
    return { url, pending: { ...transaction, ...purpose } };
  }

  /** @throws KeywardError `forbidden`, `invalid_request`, `dependency_unavailable` */
  async finish(query: URLSearchParams, pending: PendingSignIn): Promise<SignedIn> {
    const { dataSource, people, sessions } = this.parts;
    const person = await this.#provider().finish(query, pending);
    await admit(dataSource, people, person);
    return { person, ...(await sessions.begin('browser', person)) };
  }

  /** Where the command line listens, on this machine and nowhere else (RFC 8252 section 7.3). */
  async handOver(person: Person, { port, challenge }: NonNullable<Purpose['cli']>): Promise<string> {
    const code = await this.parts.cliCodes.issue(person, challenge);
    return `http://127.0.0.1:${port}/callback?code=${encodeURIComponent(code)}`;
  }

  /** @throws KeywardError `unauthenticated` for a code that is wrong, late, another's or used, all alike; `dependency_unavailable` */
  async redeem(code: string, verifier: string): Promise<{ token: string; expiresAt: Date }> {
    const opened = await this.parts.cliCodes.open(code, verifier);
    if (opened === undefined) throw codeRefused();
    try {
      return await this.parts.sessions.begin('cli', opened.person, opened.secret);
    } catch (thrown) {
      throw thrown instanceof KeywardError && thrown.code === 'conflict' ? codeRefused() : thrown;
    }
  }

  #provider(): IdentityProvider {
    const { provider } = this.parts;
    if (provider === undefined) throw new KeywardError('not_found', 'Sign-in is not set up here.');
    return provider;
  }
}

function codeRefused(): KeywardError {
  return new KeywardError('unauthenticated', 'The code is not valid any more. Sign in again.');
}
