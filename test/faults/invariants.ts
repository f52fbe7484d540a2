import { rotates } from './behaviours.js';
import type { Told } from './event-log.js';
import type { FaultConnection, FaultWorld } from './fault-world.js';
import type { Held } from './held.js';

/** What the test knows of the faults that befell a connection. */
export interface Befallen {
  /** A process died, stopped or lost its store between saying that it sends and storing the answer. */
  inDoubt(connection: string): boolean;
  /** This refresh token was sent, and its answer never came back whole. */
  unanswered(refreshToken: string): boolean;
  /** Generations that a person's consent made, and no refresh. */
  authorized(connection: string): ReadonlySet<number>;
}

const LOST = /lost/;

/** What must hold of a connection once all faults are over and nothing is under way. @returns what does not, in sentences */
export async function violations(
  faultWorld: FaultWorld,
  connection: FaultConnection,
  held: Held,
  befallen: Befallen,
  told: readonly Told[],
): Promise<string[]> {
  const found = [...(await ofState(faultWorld, connection, held, befallen)), ...ofEvents(connection, held, befallen, told)];
  return found.map((what) => `${connection.behaviour} ${connection.connection}, generation ${held.generation}: ${what}`);
}

async function ofState(faultWorld: FaultWorld, connection: FaultConnection, held: Held, befallen: Befallen): Promise<string[]> {
  const rotations = await faultWorld.rotations(connection);
  if (held.status === 'revoked') return rotations === undefined ? [] : ['it is revoked, and its grant lives on at the provider'];
  const found: string[] = [];
  if (held.leased) found.push('a lease is left');
  if (rotations === undefined) return [...found, 'its grant has ended at the provider'];
  const redeemed = rotates(connection.behaviour) ? rotations : undefined;
  const stored = held.generation - connection.authorizedAt;
  if (held.status === 'needs_reauthorization') return [...found, ...ofGivenUp(connection, held, befallen, redeemed, stored)];
  if (held.status !== 'active') return [...found, `it is ${held.status}`];
  if (held.sent) found.push('an answer is still missing');
  if (held.accessExpired === true) found.push('its access token has expired');
  if (redeemed !== undefined && redeemed !== stored)
    found.push(`the provider has rotated ${redeemed} times, and ${stored} were stored`);
  if (!(await faultWorld.takesAccessToken(connection, held.accessToken))) found.push('the stored access token does not work');
  if (!(await faultWorld.isCurrent(connection, held.refreshToken)))
    found.push('the stored refresh token is not the provider’s current one');
  return found;
}

/** A person is only asked where an answer was lost at a provider that leaves no other way. */
function ofGivenUp(
  { connection, behaviour }: FaultConnection,
  held: Held,
  befallen: Befallen,
  redeemed: number | undefined,
  stored: number,
): string[] {
  const found: string[] = [];
  if (!LOST.test(held.reason ?? '')) found.push(`it is given up for another reason: ${held.reason}`);
  if (redeemed === undefined) return [...found, 'it is given up, though the provider does not rotate'];
  if (redeemed > stored + 1) found.push(`the provider has rotated ${redeemed} times, and ${stored} were stored`);
  // Whoever can be asked, or still takes the token, is not given up unless it has rotated.
  if (behaviour !== 'strict' && redeemed === stored) found.push('it is given up, though its refresh token was never spent');
  if (!befallen.inDoubt(connection) && !befallen.unanswered(held.refreshToken))
    found.push('it is given up, though no answer was lost');
  return found;
}

function ofEvents({ connection }: FaultConnection, held: Held, befallen: Befallen, all: readonly Told[]): string[] {
  const told = all.filter((one) => one.connection === connection);
  const found: string[] = [];
  for (const what of ['refreshed', 'connection.refreshed']) {
    const generations = told.filter((one) => one.what === what).map(({ generation }) => generation);
    for (const generation of new Set(generations)) {
      const times = generations.filter((one) => one === generation).length;
      if (times > 1) found.push(`${what} of generation ${generation} was told ${times} times`);
      if (held.status !== 'revoked' && generation > held.generation) found.push(`${what} was told of generation ${generation}`);
    }
    for (let generation = 2; generation <= held.generation; generation++) {
      if (befallen.authorized(connection).has(generation) || generations.includes(generation)) continue;
      found.push(`${what} of generation ${generation} was never told`);
    }
  }
  if (held.status === 'needs_reauthorization') {
    for (const what of ['needs_reauthorization', 'connection.needs_reauthorization']) {
      const last = told.filter((one) => one.what === what && one.generation === held.generation);
      if (last.length !== 1) found.push(`${what} was told ${last.length} times`);
      else if (!LOST.test(last[0]?.reason ?? '')) found.push(`${what} was told without the reason`);
    }
  }
  return found;
}
