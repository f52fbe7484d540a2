import { describe, expect, it } from '@jest/globals';
import { Narrator, tellVendors } from '@keyward/stack';
import { wholeSystem } from './support/whole-system.js';

describe('one tool over two vendors', () => {
  const system = wholeSystem(() => ({ emulate: ['asana', 'linear'] }));

  it('waits for a person and goes on, survives a storm of 429 and a grant that ends, and does everything once', async () => {
    let text = '';
    const narrator = new Narrator((written) => (text += written));
    await tellVendors(system.stack.info, system.stack.sandboxManagementToken, narrator).catch((error: unknown) => {
      throw new Error(`${String(error)}\nafter\n${text}`);
    });
    expect(text).toContain('✓');
  }, 60_000);
});
