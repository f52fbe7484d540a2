import {
  cliSessionSchema,
  createCliSessionSchema,
  createMemberSchema,
  idSchema,
  memberSchema,
  meSchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { changeMemberSchema, memberQuerySchema } from '../doors/http/members.controller.js';
import { gone, htmlPage, inOrganization, made, ok, page, redirect } from './answers.js';

const params = { id: idSchema('mbr') };

export const peopleApi: ApiPart = {
  requests: { CreateMember: createMemberSchema, ChangeMember: changeMemberSchema, CreateCliSession: createCliSessionSchema },
  responses: { Member: memberSchema, MemberList: page('members', memberSchema), Me: meSchema, CliSession: cliSessionSchema },
  operations: [
    { method: 'get', path: '/v1/me', id: 'getMe', summary: 'Who asks', answers: ok('Me') },
    {
      method: 'get',
      path: '/v1/members',
      id: 'listMembers',
      summary: 'Members, newest first',
      query: { ...memberQuerySchema.shape, ...inOrganization },
      answers: ok('MemberList', 'One page.'),
    },
    {
      method: 'post',
      path: '/v1/members',
      id: 'addMember',
      summary: 'Invites a person by address; for owners',
      body: 'CreateMember',
      answers: made('Member'),
    },
    {
      method: 'patch',
      path: '/v1/members/{id}',
      id: 'changeMember',
      summary: 'Another role; for owners',
      params,
      query: { organization: inOrganization.organization.optional() },
      body: 'ChangeMember',
      answers: ok('Member'),
    },
    {
      method: 'delete',
      path: '/v1/members/{id}',
      id: 'removeMember',
      summary: 'Ends a membership; for owners',
      params,
      query: inOrganization,
      answers: ok('Member', 'As it was.'),
    },
    {
      method: 'post',
      path: '/v1/cli-sessions',
      id: 'createCliSession',
      summary: 'The token of a command line, for the code that its sign-in brought',
      body: 'CreateCliSession',
      access: [],
      answers: made('CliSession', 'Shown this once.'),
    },
    {
      method: 'delete',
      path: '/v1/cli-sessions/current',
      id: 'endCliSession',
      summary: 'Signs the command line out that asks',
      access: ['personToken'],
      answers: gone,
    },
    {
      method: 'get',
      path: '/login',
      id: 'signIn',
      summary: 'Signs in with the identity provider of the deployment',
      query: { return: z.string().optional(), cli: z.string().optional(), challenge: z.string().optional() },
      access: [],
      answers: { 200: htmlPage('Who is signed in.'), 303: redirect },
    },
    {
      method: 'get',
      path: '/login/callback',
      id: 'finishSignIn',
      summary: 'Where the identity provider sends the browser back to',
      access: [],
      answers: { 200: htmlPage('Who is signed in.'), 303: redirect },
    },
    {
      method: 'post',
      path: '/logout',
      id: 'signOut',
      summary: 'Signs the browser out, from our own page alone',
      access: [],
      answers: { 200: htmlPage('Signed out.') },
    },
  ],
};
