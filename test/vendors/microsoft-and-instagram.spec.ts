import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Arguments, Scope, Tool } from '@keyward/connectors';
import { loadConnectors } from '@keyward/vendor-contracts';

const catalog = loadConnectors(join(import.meta.dirname, '../../connectors'), ['microsoft_365', 'instagram']);
const scopeOf = (tool: Tool, args: Arguments, steps: Scope['steps'] = {}): Scope => ({
  ...{ args, steps, key: 'exe_1', connection: {}, provider: tool.provider },
});
const render = async (name: string, id: string, args: Arguments, steps?: Scope['steps']) => {
  const tool = catalog.tool(name);
  const step = tool.steps.find((each) => each.id === id);
  if (step === undefined) throw new Error(`no step ${id}`);
  const scopes = (await step.each?.(scopeOf(tool, args, steps))) ?? [scopeOf(tool, args, steps)];
  return Promise.all(scopes.map((scope) => step.render(scope)));
};

describe('microsoft_search_files', () => {
  it.each([
    ["anna's", "anna''s"],
    ["x') or (q='", "x'') or (q=''"],
  ])('looks for %j as a text', async (text, quoted) => {
    const [request] = await render('microsoft_search_files', 'request', { text });
    expect(decodeURIComponent(new URL(request?.url ?? '').pathname)).toBe(`/v1.0/me/drive/root/search(q='${quoted}')`);
  });
});

describe('microsoft_list_messages', () => {
  const queryOf = async (args: Arguments) => {
    const [request] = await render('microsoft_list_messages', 'request', args);
    const query = new URL(request?.url ?? '').searchParams;
    return ['$search', '$filter', '$orderby'].map((name) => query.get(name));
  };

  it('filters by what it sorts by, first, and sorts no search', async () => {
    expect(await queryOf({ unreadOnly: true })).toEqual([
      null,
      'receivedDateTime ge 1900-01-01T00:00:00Z and isRead eq false',
      'receivedDateTime desc',
    ]);
    expect(await queryOf({ search: 'subject:"big \\ plan"' })).toEqual(['"subject:\\"big \\\\ plan\\""', null, null]);
  });

  it('takes no search together with a filter', () => {
    const tool = catalog.tool('microsoft_list_messages');
    expect(() => tool.validateArguments({ search: 'a', unreadOnly: true })).toThrow(/unreadOnly/);
    expect(() => tool.validateArguments({ search: 'a', folder: 'inbox' })).not.toThrow();
  });
});

describe('microsoft_read_file', () => {
  const contentOf = (url: string) =>
    render('microsoft_read_file', 'content', { fileId: '1' }, { file: { '@microsoft.graph.downloadUrl': url } });

  it('fetches contents where the drive says, without the credential, and nowhere else', async () => {
    const address = 'https://acme-my.sharepoint.com/_layouts/15/download.aspx?tempauth=a';
    expect(await contentOf(address)).toMatchObject([{ url: address, credential: false }]);
    await expect(contentOf('https://sharepoint.com.evil.example/')).rejects.toMatchObject({ code: 'egress_denied' });
  });
});

describe('instagram_publish_carousel', () => {
  const items = [
    { type: 'image', url: 'https://example.com/a.jpg', altText: 'The sea' },
    { type: 'video', url: 'https://example.com/b.mp4' },
  ];
  const formsOf = async (id: string, steps?: Scope['steps']) =>
    (await render('instagram_publish_carousel', id, { items, caption: 'Sea' }, steps)).map(({ body }) =>
      Object.fromEntries(new URLSearchParams(String(body))),
    );

  it('makes a container per item, and one of them all in their order', async () => {
    expect(await formsOf('items')).toEqual([
      { image_url: 'https://example.com/a.jpg', alt_text: 'The sea', is_carousel_item: 'true' },
      { video_url: 'https://example.com/b.mp4', media_type: 'VIDEO', is_carousel_item: 'true' },
    ]);
    expect(await formsOf('container', { items: [{ id: '17889455560051444' }, { id: '2' }] })).toEqual([
      { media_type: 'CAROUSEL', children: '["17889455560051444","2"]', caption: 'Sea' },
    ]);
  });

  it('has 2 to 10 items, and a caption of 2,200 characters at most', () => {
    const tool = catalog.tool('instagram_publish_carousel');
    const times = (count: number) => Array.from({ length: count }, () => items[0]);
    for (const count of [1, 11]) expect(() => tool.validateArguments({ items: times(count) })).toThrow(/items/);
    expect(() => tool.validateArguments({ items: times(10), caption: '☀️'.repeat(1_100) })).not.toThrow();
    expect(() => tool.validateArguments({ items: times(2), caption: 'x'.repeat(2_201) })).toThrow(/caption/);
  });
});

describe('what Instagram answers', () => {
  const tool = catalog.tool('instagram_publish_reel');
  const failure = (status: number, body: object) => tool.failureOf(status, {}, JSON.stringify(body));

  it.each([
    [4, 'rate_limited'],
    [17, 'rate_limited'],
    [32, 'rate_limited'],
    [613, 'rate_limited'],
    [190, 'unauthorized'],
    [10, 'missing_scopes'],
    [200, 'missing_scopes'],
    [2, 'provider_unavailable'],
    [100, 'provider_error'],
  ])('with the code %d means %s', (code, as) => {
    expect(failure(400, { error: { code, message: 'So it is.' } })).toEqual({ as, message: 'So it is.' });
  });

  it('of a container that failed ends the waiting', () => {
    expect(failure(200, { status_code: 'ERROR', status: 'Error: too long' })).toEqual({
      as: 'provider_error',
      message: 'Error: too long',
    });
    expect(failure(200, { status_code: 'IN_PROGRESS' })).toBeUndefined();
  });
});
