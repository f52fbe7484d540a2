import { beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Problem } from '@keyward/contracts';
import { connectUser } from '@keyward/stack';
import { callTool, problemOf, type CallOptions, type WholeSystem } from '../support/whole-system.js';

export function badInput(system: WholeSystem): void {
  describe('bad input', () => {
    const SERVICES = ['gateway', 'auth-service', 'token-refresher', 'tool-executor', 'audit-service'] as const;
    const crashes = () => SERVICES.map((name) => [name, system.stack.service(name).crashes]);
    /** A service whose port was taken between choosing and listening is started again: that is no answer to bad input. */
    let crashedAtStart: ReturnType<typeof crashes> = [];
    beforeAll(async () => {
      await connectUser(system.stack);
      crashedAtStart = crashes();
    }, 30_000);

    async function raw(
      path: string,
      body: string,
      headers: Record<string, string> = {},
    ): Promise<Problem & { contentType: string | null }> {
      const { gatewayUrl, agentKey } = system.stack.info;
      const response = await fetch(`${gatewayUrl}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${agentKey}`, 'content-type': 'application/json', ...headers },
        body,
      });
      return { ...((await response.json()) as Problem), contentType: response.headers.get('content-type') };
    }

    it.each<[string, string, CallOptions, Partial<Problem>]>([
      ['an unknown tool', 'no_such_tool', {}, { code: 'unknown_tool', status: 404 }],
      [
        'arguments of the wrong type',
        'sandbox_get_note',
        { arguments: { id: 7 } },
        { code: 'invalid_arguments', errors: [expect.objectContaining({ pointer: '/id' }) as never] },
      ],
      ['a missing argument', 'sandbox_create_note', { arguments: {} }, { code: 'invalid_arguments' }],
      [
        'an argument that is not declared',
        'sandbox_list_notes',
        { arguments: { organization: 'org_x' } },
        { code: 'invalid_arguments' },
      ],
      ['a user that cannot be one', 'sandbox_list_notes', { user: '../etc' }, { code: 'invalid_request' }],
      ['a connection that does not exist', 'sandbox_list_notes', { connection: newId('conn') }, { code: 'connection_required' }],
      ['a timeout beyond what is offered', 'sandbox_list_notes', { timeoutMs: 1e9 }, { code: 'invalid_request' }],
      [
        'a path that tries to climb out',
        'sandbox_get_note',
        { arguments: { id: '../../sandbox/tokens' } },
        { code: 'invalid_arguments' },
      ],
    ])('of the agent: %s', async (_what, tool, options, expected) => {
      expect(await problemOf(callTool(system, tool, options))).toMatchObject(expected);
    });

    it.each<[string, string, Partial<Problem>]>([
      ['no JSON', '{"user":', { code: 'invalid_request', status: 400 }],
      ['JSON nested too deep', '['.repeat(5000), { code: 'invalid_request', status: 400 }],
      ['a body of 2 MB', `{"user":"${'x'.repeat(2_000_000)}"}`, { code: 'request_too_large', status: 413 }],
      ['a prototype key', '{"user":"usr_ada","arguments":{"__proto__":{"a":1}}}', { code: 'invalid_request', status: 400 }],
      ['a field that is not known', '{"user":"usr_ada","org":"org_other"}', { code: 'invalid_request', status: 400 }],
    ])('on the wire: %s', async (_what, body, expected) => {
      const problem = await raw('/v1/tools/sandbox_list_notes/execute', body);
      expect(problem).toMatchObject(expected);
      expect(problem.contentType).toContain('application/problem+json');
    });

    it.each<[string, string, CallOptions, Partial<Problem>]>([
      ['a 4xx', 'sandbox_fail', { arguments: { status: 422 } }, { code: 'provider_error', providerStatus: 422, attempts: 1 }],
      [
        '5xx until the attempts are used up',
        'sandbox_fail',
        { arguments: { status: 503 } },
        { code: 'provider_error', providerStatus: 503, attempts: 5 },
      ],
      ['too late', 'sandbox_delay', { arguments: { ms: 20_000 }, timeoutMs: 400 }, { code: 'deadline_exceeded' }],
      ['more than a result may hold', 'sandbox_large', { arguments: { bytes: 50_000_000 } }, { code: 'response_too_large' }],
      [
        'a redirect to another origin',
        'sandbox_redirect',
        { arguments: { to: 'http://127.0.0.1:1/steal' } },
        { code: 'egress_denied' },
      ],
    ])('of the provider, which answers %s', async (_what, tool, options, expected) => {
      expect(await problemOf(callTool(system, tool, options))).toMatchObject(expected);
    });

    it('of an agent that presents a key that is none', async () => {
      for (const authorization of ['Bearer kwa_nope', 'Basic YTpi', `Bearer kwa_${'0'.repeat(32)}_${'A'.repeat(43)}`, '']) {
        expect(await raw('/v1/tools/sandbox_list_notes/execute', '{"user":"usr_ada"}', { authorization })).toMatchObject({
          code: 'unauthenticated',
          status: 401,
        });
      }
    });

    it('leaves the platform as well as it was', async () => {
      expect((await callTool(system, 'sandbox_list_notes')).state).toBe('succeeded');
      expect(crashes()).toEqual(crashedAtStart);
    });
  });
}
