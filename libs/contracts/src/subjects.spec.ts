import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newId } from './ids.js';
import { parseToolExecuteSubject, streams, subjects } from './subjects.js';

describe('subjects', () => {
  it('are these, on the wire', () => {
    expect(subjects.toolExecute('org_a', 'agt_b')).toBe('tool.execute.org_a.agt_b');
    expect(subjects.toolResult('org_a', 'agt_b', 'exe_c')).toBe('tool.result.org_a.agt_b.exe_c');
    expect(subjects.executionRequested('org_a', 'agt_b', 'exe_c')).toBe('execution.requested.org_a.agt_b.exe_c');
    expect(subjects.executionCompleted('org_a', 'agt_b', 'exe_c')).toBe('execution.completed.org_a.agt_b.exe_c');
    expect(subjects.credentialRefresh('sandbox')).toBe('credential.refresh.sandbox');
    expect(subjects.connectionEvent('revoked', 'org_a')).toBe('connection.revoked.org_a');
    expect(subjects.audit('org_a')).toBe('audit.org_a');
    expect(subjects.deadLetter(streams.executions)).toBe('dead_letter.EXECUTIONS');
  });

  it.each(['', 'a.b', '*', '>', 'a b', 'a\n', 'ä', 'a'.repeat(129)])('refuse the token %j', (token) => {
    expect(() => subjects.audit(token)).toThrow(TypeError);
    expect(() => subjects.toolExecute('org_a', token)).toThrow(TypeError);
  });

  it('read back the org and agent that they were made from, and nothing else', () => {
    const [org, agent] = [newId('org'), newId('agt')];
    expect(parseToolExecuteSubject(subjects.toolExecute(org, agent))).toEqual({ org, agent });
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseToolExecuteSubject(text);
        return parsed === undefined || `tool.execute.${parsed.org}.${parsed.agent}` === text;
      }),
    );
    for (const bad of [
      'tool.execute.a',
      'tool.execute.a.b.c',
      'tool.result.a.b',
      'tool.execute..b',
      'tool.execute.*.b',
      'x.tool.execute.a.b',
    ]) {
      expect(parseToolExecuteSubject(bad)).toBeUndefined();
    }
  });

  it('use ids in lower case, since NATS folds the tags that they are matched against', () => {
    const id = newId('agt');
    expect(id).toMatch(/^agt_[0-9a-f]{32}$/);
    expect(newId('agt') > id).toBe(true);
  });
});
