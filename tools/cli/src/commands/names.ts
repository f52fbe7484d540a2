import type { Agent } from '@keyward/contracts';
import { Hint } from '../output/fail.js';
import type { Session } from '../session/session.js';

const ID = /^agt_[0-9a-f]{32}$/;

/** An agent by its id or its slug. */
export async function agentId(session: Session, name: string): Promise<string> {
  if (ID.test(name)) return name;
  const agents = await session.all<Agent>('agents', '/v1/agents');
  const found = agents.find(({ slug }) => slug === name);
  if (found !== undefined) return found.id;
  throw new Hint(`There is no agent “${name}”.`, 'See which there are: keyward agents list');
}

/** A moment, as people read it. */
export function moment(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : text.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}
