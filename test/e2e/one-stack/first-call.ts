import { describe, expect, it } from '@jest/globals';
import { verifyChain } from '@keyward/audit';
import type { AuditRecord, Connection, ExecutionResult, ToolListing } from '@keyward/contracts';
import { connectAgent, JsonClient } from '@keyward/sdk';
import { connectUser } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import { auditOf, callTool, codeOf, problemOf, type WholeSystem } from '../support/whole-system.js';

interface Counters {
  counters: { refreshes: number; reuseDetections: number };
}

export function firstCall(system: WholeSystem): void {
  describe('the first call', () => {
    it('is told where the person can connect, before they have', async () => {
      const problem = await problemOf(callTool(system, 'sandbox_list_notes'));
      expect(problem).toMatchObject({ code: 'connection_required', status: 409 });
      expect(problem.connectUrl).toContain(`${system.stack.info.authUrl}/connect/`);
    });

    it('reaches the provider over HTTP once they have, and can be read again', async () => {
      await connectUser(system.stack);
      const result = await callTool(system, 'sandbox_create_note', { arguments: { title: 'Hello' } });
      expect(result).toMatchObject({ state: 'succeeded', attempts: 1, output: { title: 'Hello' } });
      expect(await system.agent.get(`/v1/executions/${result.id}`)).toEqual(result);
    });

    it('reaches the provider over NATS with the agent’s own credentials', async () => {
      const { natsUrl, agentCredsFile, user } = system.stack.info;
      const agent = await connectAgent({ natsUrl, credsFile: agentCredsFile });
      try {
        const result = await agent.execute('sandbox_list_notes', { arguments: {}, user });
        expect(result.state).toBe('succeeded');
        expect(JSON.stringify(result.output)).toContain('Hello');
      } finally {
        await agent.close();
      }
    });

    it('lists to the agent what it may call, and its connection as metadata', async () => {
      const { user } = system.stack.info;
      const { tools } = await system.agent.get<{ tools: ToolListing[] }>(`/v1/tools?user=${user}`);
      expect(tools.find(({ name }) => name === 'sandbox_list_notes')).toMatchObject({
        effect: 'read',
        connectionStatus: 'active',
      });
      const { connections } = await system.agent.get<{ connections: Connection[] }>(`/v1/connections?user=${user}`);
      expect(connections).toEqual([expect.objectContaining({ status: 'active', provider: 'sandbox', user })]);
      expect(JSON.stringify(connections)).not.toMatch(/sealed|token/i);
    });

    it('outlives the access token: one refresh for many callers, and no reuse of a refresh token', async () => {
      const before = (await system.levers.get<Counters>('/sandbox/tokens')).counters;
      await system.levers.post('/sandbox/tokens/expire', { user: system.stack.info.sandbox.user });
      const calls = Array.from({ length: 30 }, (_, index) =>
        callTool(system, 'sandbox_echo', { arguments: { message: `m${index}` } }),
      );
      expect((await Promise.all(calls)).map(({ state }) => state)).toEqual(Array.from(calls, () => 'succeeded'));
      const after = (await system.levers.get<Counters>('/sandbox/tokens')).counters;
      expect(after.refreshes - before.refreshes).toBe(1);
      expect(after.reuseDetections).toBe(0);
    });

    it('does once what has one idempotency key', async () => {
      const write = () => callTool(system, 'sandbox_create_note', { arguments: { title: 'Once' }, idempotencyKey: 'step-1' });
      const [first, ...others] = await Promise.all([write(), write(), write()]);
      for (const other of others) expect(other.output).toEqual(first?.output);
      const { output } = await callTool(system, 'sandbox_list_notes');
      expect(JSON.stringify(output).match(/"Once"/g)).toHaveLength(1);
      const changed = callTool(system, 'sandbox_create_note', { arguments: { title: 'Twice' }, idempotencyKey: 'step-1' });
      expect(await codeOf(changed)).toBe('idempotency_conflict');
    });

    it('is refused to every other agent, whether or not it knows the connection', async () => {
      const { org, user, gatewayUrl } = system.stack.info;
      const { id } = await system.admin.post<{ id: string }>('/v1/agents', {
        organization: org,
        slug: 'foreign',
        name: 'Foreign',
      });
      const { key } = await system.admin.post<{ key: string }>(`/v1/agents/${id}/keys`, { organization: org });
      const foreign = new JsonClient(gatewayUrl, key);
      const { connections } = await system.agent.get<{ connections: Connection[] }>(`/v1/connections?user=${user}`);
      const ask = (connection?: string) =>
        foreign.post('/v1/tools/sandbox_list_notes/execute', { user, ...(connection ? { connection } : {}) });
      expect(await codeOf(ask())).toBe('tool_not_assigned');
      await system.admin.put(`/v1/agents/${id}/assignments`, { organization: org, assignments: [{ connector: 'sandbox' }] });
      expect(await codeOf(ask())).toBe('connection_required');
      expect(await codeOf(ask(connections[0]?.id))).toBe('connection_required');
      expect(await foreign.get(`/v1/connections?user=${user}`)).toMatchObject({ connections: [] });
    });

    it('is refused after the connection was disconnected, and the grant is revoked at the provider', async () => {
      const { org, user } = system.stack.info;
      const { connections } = await system.agent.get<{ connections: Connection[] }>(`/v1/connections?user=${user}`);
      const connection = connections[0]?.id ?? '';
      await system.admin.delete(`/v1/connections/${connection}?organization=${org}`);
      expect(await codeOf(callTool(system, 'sandbox_list_notes', { connection }))).toBe('revoked');
      expect(await codeOf(callTool(system, 'sandbox_list_notes'))).toBe('connection_required');
    });

    it('leaves a trail of every outcome, in one unbroken chain', async () => {
      const { org } = system.stack.info;
      let records: AuditRecord[] = [];
      await waitFor(async () => {
        // Asking is recorded as well, in the same chain.
        const query = `/v1/events?organization=${org}&limit=1000`;
        ({ events: records } = await system.auditor.get<{ events: AuditRecord[] }>(query));
        return records.some(({ event }) => event.errorCode === 'revoked');
      });
      const types = new Set(records.map(({ event }) => event.type));
      for (const type of [
        'connection.authorized',
        'connection.refreshed',
        'connection.revoked',
        'execution.completed',
      ] as const) {
        expect(types).toContain(type);
      }
      expect(verifyChain(records.toSorted((a, b) => a.seq - b.seq))).toMatchObject({ ok: true });
    });

    it('finds the trail of one call by its trace', async () => {
      const problem = await problemOf(callTool(system, 'sandbox_list_notes'));
      // The link that was made for the person is in the same trace, and may be stored first.
      const record = await waitFor(async () =>
        (await auditOf(system, problem.traceId ?? '')).find(({ event }) => event.type === 'execution.completed'),
      );
      expect(record.event).toMatchObject({
        type: 'execution.completed',
        agent: system.stack.info.agent,
        user: system.stack.info.user,
        tool: 'sandbox_list_notes',
        state: 'failed',
        errorCode: 'connection_required',
      } satisfies Partial<Record<string, unknown>>);
      expect((problem as unknown as ExecutionResult).traceId).toBe(record.event.traceId);
    });
  });
}
