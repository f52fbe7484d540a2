import { describe, expect, it } from '@jest/globals';
import type { AuditRecord } from '@keyward/contracts';
import { Narrator, tellVendors } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import { wholeSystem } from './support/whole-system.js';

describe('one tool over two vendors', () => {
  const system = wholeSystem(() => ({ emulate: ['asana', 'linear'] }));

  it('waits for a person and goes on, survives a storm of 429 and a grant that ends, and does everything once', async () => {
    let text = '';
    const narrator = new Narrator((written) => (text += written));
    await tellVendors(system.stack.info, system.stack.sandboxManagementToken, narrator).catch((error: unknown) => {
      throw new Error(`${String(error)}\nafter\n${text}`);
    });
    expect(text).toContain('tasks that the storm left: 1 1 1 1');

    // Whoever asks the trail finds what was asked for, and what it was: each call once.
    const completed = async (): Promise<string[]> => {
      const query = `/v1/events?organization=${system.stack.info.org}&type=execution.completed&limit=200`;
      const { events } = await system.auditor.get<{ events: AuditRecord[] }>(query);
      return events
        .filter(({ event: { type, tool } }) => type === 'execution.completed' && tool === 'tasks_create')
        .map(({ event: { state, provider, nativeTool } }) => `${state} ${provider} ${nativeTool}`);
    };
    const records = await waitFor(async () => {
      const found = await completed();
      return found.length >= 7 ? found.sort() : undefined;
    });
    const asana = Array.from({ length: 6 }, () => 'succeeded asana asana_create_task');
    expect(records).toEqual([...asana, 'succeeded linear linear_create_issue']);
  }, 60_000);
});
