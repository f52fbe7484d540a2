import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { asKeywardError, errorCodes, fromProblem, KeywardError, toProblem } from './errors.js';
import { parseOrThrow, problemSchema } from './problem.js';
import { createAgentSchema } from './agent.js';

const docs = path.resolve(import.meta.dirname, '../../../docs/errors');

describe('errors', () => {
  it.each(errorCodes)('%s has a page that states its status', (code) => {
    const page = path.join(docs, `${code}.md`);
    expect(existsSync(page)).toBe(true);
    expect(readFileSync(page, 'utf8')).toContain(`HTTP status ${new KeywardError(code, 'x').httpStatus}`);
  });

  it('keep the private cause out of the problem', () => {
    const error = new KeywardError('dependency_unavailable', 'The database is away.', {
      cause: new Error('password=hunter2'),
      details: { retryAfterMs: 500 },
    });
    const problem = toProblem(error, 'a'.repeat(32));
    expect(JSON.stringify(problem)).not.toContain('hunter2');
    expect(problemSchema.parse(problem)).toEqual({
      type: 'urn:keyward:error:dependency_unavailable',
      title: 'dependency unavailable',
      status: 503,
      code: 'dependency_unavailable',
      detail: 'The database is away.',
      retryAfterMs: 500,
      traceId: 'a'.repeat(32),
    });
  });

  it('survive the way over the bus', () => {
    const error = new KeywardError('missing_scopes', 'More is needed.', { details: { missingScopes: ['notes:write'] } });
    const back = fromProblem(toProblem(error));
    expect(back).toMatchObject({
      code: 'missing_scopes',
      message: 'More is needed.',
      details: { missingScopes: ['notes:write'] },
    });
  });

  it('show nothing of what was not foreseen', () => {
    expect(asKeywardError(new TypeError('secret token kwa_123')).message).not.toContain('kwa_');
    expect(asKeywardError('a string').code).toBe('internal');
  });

  it('point at each place of bad input and do not echo its value', () => {
    const bad = { organization: 'org_secret-value', slug: 'UPPER', name: 'ok', 'a/b~c': 1 };
    expect(() => parseOrThrow(createAgentSchema, bad)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        details: {
          errors: expect.arrayContaining([
            expect.objectContaining({ pointer: '/organization' }),
            expect.objectContaining({ pointer: '/slug' }),
          ]),
        },
      }),
    );
    try {
      parseOrThrow(createAgentSchema, bad);
    } catch (error) {
      expect((error as Error).message).not.toContain('secret-value');
    }
  });
});
