import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from '@keyward/contracts';
import { ApiError } from '@keyward/sdk';
import { connectUser, type ProcessName } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import { auditOf, callTool, codeOf, wholeSystem } from './support/whole-system.js';

const RECOVERY_TIMEOUT_MS = 40_000;

describe('what vanishes', () => {
  const system = wholeSystem();
  beforeAll(() => connectUser(system.stack), 30_000);

  const works = () =>
    callTool(system, 'sandbox_list_notes', { timeoutMs: 3000 }).then(
      ({ state }) => state === 'succeeded',
      () => false,
    );

  it.each<ProcessName>(['postgres', 'nats'])(
    'is told and recovered from: %s',
    async (name) => {
      const handle = system.stack.service(name);
      await handle.stop();
      try {
        const code = await codeOf(callTool(system, 'sandbox_list_notes', { timeoutMs: 1500 }));
        expect(['dependency_unavailable', 'deadline_exceeded']).toContain(code);
      } finally {
        await handle.start();
      }
      await waitFor(works, { timeoutMs: RECOVERY_TIMEOUT_MS });
    },
    90_000,
  );

  it('loses no call and repeats none when the bus is killed and the executor too, under load', async () => {
    const marker = `load-${Date.now()}`;
    const writes = Array.from({ length: 120 }, async (_, index): Promise<ExecutionResult | ApiError> => {
      const title = `${marker}-${index}`;
      const options = { arguments: { title }, idempotencyKey: title, timeoutMs: 30_000 };
      for (let tries = 0; ; tries++) {
        const answer = await callTool(system, 'sandbox_create_note', options).catch((thrown: unknown) => thrown as ApiError);
        const temporary = answer instanceof ApiError && ['dependency_unavailable', 'deadline_exceeded', ''].includes(answer.code);
        const cut = !(answer instanceof ApiError) && 'name' in answer;
        if (!(temporary || cut) || tries === 20) return answer;
        await waitFor(works, { timeoutMs: RECOVERY_TIMEOUT_MS });
      }
    });
    system.stack.service('tool-executor').kill('SIGKILL');
    system.stack.service('nats').kill('SIGKILL');
    const answers = await Promise.all(writes);
    const count = await notesPerTitle(marker);
    answers.forEach((answer, index) => {
      const notes = count.get(`${marker}-${index}`) ?? 0;
      const succeeded = !(answer instanceof ApiError);
      if (succeeded) expect([index, notes]).toEqual([index, 1]);
      else {
        // The honest answer for a write that was under way when its executor died: maybe done, never done twice.
        expect([index, answer.code]).toEqual([index, 'outcome_unknown']);
        expect(notes).toBeLessThanOrEqual(1);
      }
    });
  }, 120_000);

  it('is found in the audit trail all the same', async () => {
    const { traceId } = await callTool(system, 'sandbox_list_notes');
    expect((await auditOf(system, traceId))[0]?.event.state).toBe('succeeded');
  });

  async function notesPerTitle(marker: string): Promise<Map<string, number>> {
    const count = new Map<string, number>();
    let cursor: string | undefined;
    do {
      const page = await callTool(system, 'sandbox_list_notes', {
        arguments: { limit: 100, ...(cursor === undefined ? {} : { cursor }) },
      });
      const output = page.output as { notes: { title: string }[]; nextCursor: string | null };
      for (const { title } of output.notes) if (title.startsWith(marker)) count.set(title, (count.get(title) ?? 0) + 1);
      cursor = output.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return count;
  }
});
