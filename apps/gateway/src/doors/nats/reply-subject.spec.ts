import { describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { replySubject } from './reply-subject.js';

const agent = newId('agt');
const other = newId('agt');

describe('where the gateway answers an agent', () => {
  it.each([`_INBOX.${agent}.abc`, `_INBOX.${agent}.A1-_.17`])('is the agent’s own inbox: %s', (reply) => {
    expect(replySubject(reply, agent)).toBe(reply);
  });

  it.each([
    undefined,
    '',
    '$JS.API.STREAM.PURGE.EXECUTIONS',
    '$JS.ACK.EXECUTIONS.executor.1.1.1.1.1',
    '$SYS.REQ.SERVER.PING',
    `_INBOX.${other}.abc`,
    `_INBOX.${agent.toUpperCase()}.abc`,
    `_INBOX.${agent}`,
    `_INBOX.${agent}.`,
    `_INBOX.${agent}.*`,
    `_INBOX.${agent}.>`,
    `_INBOX.${agent}.a..b`,
    `_INBOX.${agent}.a b`,
    `_INBOX.${agent}.a\r\nPUB x 0`,
    `_INBOX.${agent}evil.abc`,
    `_inbox.${agent}.abc`,
    `_INBOX.*.abc`,
    `tool.result.${newId('org')}.${agent}.x`,
    `_INBOX.${agent}.${'a.'.repeat(20)}a`,
    `_INBOX.${agent}.${'a'.repeat(1000)}`,
  ])('is never %j', (reply) => {
    expect(replySubject(reply, agent)).toBeUndefined();
  });
});
