import type { Egress } from '@keyward/egress';
import type { DataSource } from 'typeorm';
import type { AuthHost } from '../auth-service.js';
import { CliCodes } from './cli-codes.js';
import { IdentityProvider } from './identity-provider.js';
import { Members } from './members.js';
import { PersonSessions } from './person-sessions.js';
import { Profiles } from './profiles.js';
import { purgeSignInsHourly } from './purge-sign-ins.js';
import { SessionCookie } from './session-cookie.js';
import { SessionStore } from './session-store.js';
import { SignIn } from './sign-in.js';
import { SignInCookie } from './sign-in-cookie.js';

/** Everything about people who administer, each made once. */
export function createPeople(host: AuthHost, dataSource: DataSource, egress: Egress) {
  const { url, stateSecret } = host.config.public;
  const store = new SessionStore(dataSource);
  const cookie = new SessionCookie(url);
  const sessions = new PersonSessions(dataSource, store, cookie);
  const oidc = host.config.signIn;
  const provider = oidc === undefined ? undefined : new IdentityProvider(oidc, `${url}/login/callback`, egress);
  host.onDrain('purge of old sign-ins', purgeSignInsHourly(store, host.logger));
  return {
    store,
    cookie,
    sessions,
    pending: new SignInCookie(url, stateSecret),
    signIn: new SignIn({ dataSource, provider, people: sessions, sessions: store, cliCodes: new CliCodes(stateSecret) }),
    profiles: new Profiles(dataSource, sessions),
    members: new Members(dataSource),
  };
}
