import { memberRoles, type Member } from '@keyward/contracts';
import { Hint } from '../output/fail.js';
import type { Session } from '../session/session.js';
import { group, under } from './command.js';
import { moment } from './names.js';

const ROLE = { choices: memberRoles, demandOption: true, describe: 'Each role may all that the next one may' } as const;

async function memberId(session: Session, name: string): Promise<string> {
  if (name.startsWith('mbr_')) return name;
  const members = await session.all<Member>('members', '/v1/members');
  const found = members.find(({ email }) => email === name.toLowerCase());
  if (found === undefined) throw new Hint(`“${name}” is not a member.`, 'See who is: keyward members list');
  return found.id;
}

const listing = under({
  command: 'list',
  describe: 'Who may administer the organization, or look at it',
  builder: (args) => args,
  handler: async (session) => {
    const members = await session.all<Member>('members', '/v1/members');
    session.out.answer(members, () =>
      session.out.table(
        members,
        {
          EMAIL: ({ email }) => email,
          ROLE: ({ role }) => role,
          'LAST SIGN-IN': ({ joined, lastSignInAt }) => (joined ? moment(lastSignInAt) : 'invited'),
          ID: ({ id }) => id,
        },
        'Nobody yet. Invite someone: keyward members add <email> <role>',
      ),
    );
  },
});

const add = under({
  command: 'add <email> <role>',
  describe: 'Invite someone; they join with their first sign-in',
  builder: (args) =>
    args.positional('email', { type: 'string', demandOption: true, describe: 'Their address' }).positional('role', ROLE),
  handler: async (session, { email, role }) => {
    const member = await session.admin.post<Member>('/v1/members', { organization: await session.org(), email, role });
    session.out.answer(member, () => session.out.say(`${member.email} may join as ${member.role}.`));
  },
});

const change = under({
  command: 'role <member> <role>',
  describe: 'Change someone’s role',
  builder: (args) =>
    args.positional('member', { type: 'string', demandOption: true, describe: 'Address or id' }).positional('role', ROLE),
  handler: async (session, { member, role }) => {
    const path = await session.path(`/v1/members/${await memberId(session, member)}`);
    const changed = await session.admin.patch<Member>(path, { role });
    session.out.answer(changed, () => session.out.say(`${changed.email} is ${changed.role}.`));
  },
});

const remove = under({
  command: 'remove <member>',
  describe: 'Take someone’s access away',
  builder: (args) => args.positional('member', { type: 'string', demandOption: true, describe: 'Address or id' }),
  handler: async (session, { member }) => {
    await session.admin.delete(await session.path(`/v1/members/${await memberId(session, member)}`));
    session.out.say(`${member} has no access any more.`);
  },
});

export const members = group('members', 'People and their roles', listing, add, change, remove);
