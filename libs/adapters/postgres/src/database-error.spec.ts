import { describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { QueryFailedError } from 'typeorm';
import { asDatabaseError } from './database-error.js';

const withCode = (code: string): Error => Object.assign(new Error('private: host db.internal, password hunter2'), { code });

describe('asDatabaseError', () => {
  it.each([
    ['a refused connection', withCode('ECONNREFUSED'), 'not reachable'],
    ['a name that does not resolve', withCode('ENOTFOUND'), 'not reachable'],
    ['a reset connection', withCode('ECONNRESET'), 'not reachable'],
    ['a server that shuts down', withCode('57P01'), 'not reachable'],
    ['a server that starts up', withCode('57P03'), 'not reachable'],
    ['a lost connection', new Error('Connection terminated unexpectedly'), 'not reachable'],
    [
      'a transaction whose connection went away',
      new Error('Query runner already released. Cannot run queries anymore.'),
      'not reachable',
    ],
    ['a full disk', withCode('53100'), 'no space left'],
    ['too many connections', withCode('53300'), 'busy'],
    ['an exhausted pool', new Error('timeout exceeded when trying to connect'), 'busy'],
    ['a serialization failure', withCode('40001'), 'busy'],
    ['a deadlock', withCode('40P01'), 'busy'],
    ['a statement timeout', withCode('57014'), 'busy'],
    ['a standby', withCode('25006'), 'no writes'],
    ['a wrong password', withCode('28P01'), 'refuses this service'],
    ['a database that does not exist', withCode('3D000'), 'refuses this service'],
    ['one of these inside TypeORM', new QueryFailedError('SELECT', [], withCode('53100')), 'no space left'],
  ])('says in public what %s means, and keeps the cause private', (_what, thrown, sentence) => {
    const error = asDatabaseError(thrown) as KeywardError;
    expect(error).toBeInstanceOf(KeywardError);
    expect(error).toMatchObject({ code: 'dependency_unavailable', cause: thrown });
    expect(error.message).toContain(sentence);
    expect(error.message).not.toMatch(/hunter2|db\.internal/);
  });

  it.each([
    ['a violated constraint', withCode('23505')],
    ['a missing right', withCode('42501')],
    ['an error of ours', new KeywardError('not_found', 'No such agent.')],
    ['a defect', new TypeError('x is undefined')],
    ['something that is no error', 'text'],
    ['nothing', undefined],
  ])('leaves %s as it is', (_what, thrown) => {
    expect(asDatabaseError(thrown)).toBe(thrown);
  });
});
