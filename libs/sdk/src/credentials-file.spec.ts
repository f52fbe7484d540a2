import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@keyward/contracts';
import { credentialsReader, identityOf } from './credentials-file.js';

const org = newId('org');
const agent = newId('agt');

function creds(claims: unknown, seed = 'SUAX'): string {
  const jwt = ['{}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');
  return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
}

const claims = (name = agent, tags = [`org:${org}`]) => ({ name, nats: { tags } });

describe('the credentials file', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'keyward-sdk-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('tells for which agent of which organization it is', () => {
    expect(identityOf(creds(claims()))).toEqual({ org, agent });
    expect(identityOf(creds(claims(agent, ['other:tag', `org:${org}`])).replaceAll('\n', '\r\n'))).toEqual({ org, agent });
  });

  it.each([
    ['is empty', ''],
    ['is something else', '{"creds": true}'],
    ['holds a JWT that is not JSON', creds(claims()).replace(/\.[\w-]+\./, '.AAAA.')],
    ['names no agent', creds(claims('root'))],
    ['names no organization', creds(claims(agent, []))],
    ['names an organization that would widen a subject', creds(claims(agent, ['org:*']))],
    ['has claims of the wrong shape', creds(null)],
  ])('is refused when it %s', (_what, text) => {
    expect(() => identityOf(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('is read again each time, and the former content serves while it can not be read or is someone else’s', () => {
    const path = join(dir, 'agent.creds');
    writeFileSync(path, creds(claims(), 'FIRST'));
    const { read } = credentialsReader(path);
    const seed = () => /SEED-+\n(\w+)\n/.exec(Buffer.from(read()).toString())?.[1];
    expect(seed()).toBe('FIRST');
    writeFileSync(path, creds(claims(), 'SECOND'));
    expect(seed()).toBe('SECOND');
    writeFileSync(path, '');
    expect(seed()).toBe('SECOND');
    writeFileSync(path, creds(claims(newId('agt')), 'FOREIGN'));
    expect(seed()).toBe('SECOND');
    rmSync(path);
    expect(seed()).toBe('SECOND');
  });
});
