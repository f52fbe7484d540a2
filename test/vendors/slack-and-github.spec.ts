import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadConnectors } from '@keyward/vendor-contracts';

const catalog = loadConnectors(join(import.meta.dirname, '../../connectors'), ['github', 'slack']);

describe('slack_list_messages', () => {
  it('gives what apps say, who often leave the text empty', async () => {
    const tool = catalog.tool('slack_list_messages');
    const message = {
      ts: '1700000000.000100',
      bot_id: 'B1',
      text: '',
      attachments: [
        { fallback: 'Build 7 failed', title: 'Build 7', title_link: 'https://ci.example/7', text: 'failed in 3 min' },
        { fallback: 'A page', from_url: 'https://example.com' },
      ],
    };
    const scope = { args: { channel: 'C0123' }, steps: {}, key: 'exe_1', connection: {}, provider: tool.provider };
    const answer = { status: 200, headers: {}, body: { ok: true, messages: [message], has_more: false } };
    const { items } = (await tool.pagination?.page(answer, scope, { wanted: 10, position: {} })) ?? { items: [] };
    expect(items).toMatchObject([
      {
        ts: '1700000000.000100',
        text: '',
        attachments: [
          { title: 'Build 7', text: 'failed in 3 min', link: 'https://ci.example/7' },
          { text: 'A page', link: 'https://example.com' },
        ],
      },
    ]);
  });
});

describe('github_create_repository', () => {
  it('makes nothing public because nobody said anything', () => {
    const tool = catalog.tool('github_create_repository');
    expect(() => tool.validateArguments({ name: 'plans' })).toThrow('/private: is required');
    expect(() => tool.validateArguments({ name: 'plans', private: true })).not.toThrow();
  });
});
