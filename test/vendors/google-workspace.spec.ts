import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Arguments, Scope, Step, Tool } from '@keyward/connectors';
import { loadConnectors } from '@keyward/vendor-contracts';

const catalog = loadConnectors(join(import.meta.dirname, '../../connectors'), ['google_workspace']);
const scopeOf = (tool: Tool, args: Arguments, steps: Scope['steps'] = {}): Scope => ({
  ...{ args, steps, key: 'exe_1', connection: {}, provider: tool.provider },
});
const stepOf = (tool: Tool, id: string): Step => {
  const step = tool.steps.find((each) => each.id === id);
  if (step === undefined) throw new Error(`no step ${id}`);
  return step;
};
const answered = (body: unknown) => ({ status: 200, headers: {}, body });
const sent = async (tool: Tool, id: string, args: Arguments, steps?: Scope['steps']) => {
  const { url, body } = await stepOf(tool, id).render(scopeOf(tool, args, steps));
  return { query: new URL(url).searchParams, body: JSON.parse(String(body ?? 'null')) as Record<string, unknown> };
};
const base64url = (text: string) => Buffer.from(text).toString('base64url');

describe('gmail_get_message', () => {
  it('decodes what is nested in the parts, and tells attachments without their contents', async () => {
    const tool = catalog.tool('gmail_get_message');
    const alternative = {
      mimeType: 'multipart/alternative',
      filename: '',
      parts: [
        { mimeType: 'text/plain', filename: '', body: { data: base64url('Grüße, 日本 ?>') } },
        { mimeType: 'text/html', filename: '', body: { data: base64url('<p>Grüße</p>') } },
      ],
    };
    const message = {
      id: 'm1',
      threadId: 't1',
      internalDate: '1767225600000',
      payload: {
        mimeType: 'multipart/mixed',
        filename: '',
        headers: [{ name: 'SUBJECT', value: 'Plan' }],
        parts: [
          alternative,
          { mimeType: 'text/plain', filename: 'notes.txt', body: { size: 5, attachmentId: 'a1', data: base64url('notes') } },
        ],
      },
    };
    expect(await tool.outputOf(answered(message), scopeOf(tool, { messageId: 'm1' }))).toEqual({
      id: 'm1',
      threadId: 't1',
      subject: 'Plan',
      date: '2026-01-01T00:00:00.000Z',
      labelIds: [],
      text: 'Grüße, 日本 ?>',
      html: '<p>Grüße</p>',
      attachments: [{ filename: 'notes.txt', contentType: 'text/plain', size: 5, attachmentId: 'a1' }],
    });
  });
});

describe('gmail_reply_to_message', () => {
  const tool = catalog.tool('gmail_reply_to_message');
  const original = (headers: Record<string, string>) => ({
    original: { threadId: 't1', payload: { headers: Object.entries(headers).map(([name, value]) => ({ name, value })) } },
    profile: { emailAddress: 'Me@example.com' },
  });
  const reply = async (args: object, headers: Record<string, string>) => {
    const { body } = await sent(tool, 'send', { messageId: 'm1', html: '<p>Fine</p>', ...args }, original(headers));
    const [head = ''] = Buffer.from(String(body['raw']), 'base64url').toString().split('\r\n\r\n');
    const fields = head
      .replaceAll(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map((line) => line.split(/: (.*)/s).slice(0, 2));
    return { threadId: body['threadId'], ...(Object.fromEntries(fields) as Record<string, string>) };
  };

  it('stays in the thread', async () => {
    const headers = { From: 'Anna <anna@example.com>', Subject: 'Plan', 'Message-Id': '<2@x>', References: '<0@x>\t<1@x>' };
    expect(await reply({}, headers)).toMatchObject({
      threadId: 't1',
      To: 'anna@example.com',
      Subject: 'Re: Plan',
      'In-Reply-To': '<2@x>',
      References: '<0@x> <1@x> <2@x>',
    });
    expect(await reply({}, { ...headers, Subject: 'RE: Plan' })).toMatchObject({ Subject: 'RE: Plan' });
  });

  it('is made in no time, whatever the sender has put into the headers', async () => {
    const began = performance.now();
    const headers = { From: 'a@example.com', 'Reply-To': `${'a'.repeat(60_000)} <anna@example.com>` };
    expect(await reply({}, headers)).toMatchObject({ To: 'anna@example.com' });
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('goes to everybody else once where everybody is meant, and never to oneself', async () => {
    const headers = {
      From: 'Anna <anna@example.com>',
      'Reply-To': 'list@example.com',
      To: '"Doe, John" <john@example.com>, me@example.com',
      Cc: 'JOHN@example.com, carla@example.com, list@example.com',
    };
    expect(await reply({ replyAll: true }, headers)).toMatchObject({
      To: 'list@example.com',
      Cc: 'john@example.com, carla@example.com',
    });
    expect(await reply({}, headers)).not.toHaveProperty('Cc');
  });

  it('takes no header from what a sender wrote into one', async () => {
    const fields = await reply({}, { From: 'anna@example.com', Subject: 'Plan\r\nBcc: evil@example.com' });
    expect(Object.keys(fields)).not.toContain('Bcc');
    expect(fields).toMatchObject({ To: 'anna@example.com', Subject: 'Re: Plan Bcc: evil@example.com' });
  });
});

describe('drive_search_files', () => {
  it.each(["it's", "a\\' or trashed = true or name contains 'b", '\\'])('looks for %j as a text', async (text) => {
    const { query } = await sent(catalog.tool('drive_search_files'), 'request', { text });
    const quoted = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
    expect(query.get('q')).toBe(`fullText contains '${quoted}' and trashed = false`);
  });
});

describe('drive_create_file', () => {
  it('sends name and content as one, told apart by a boundary of the execution', async () => {
    const tool = catalog.tool('drive_create_file');
    const args = { name: 'Ä "plan".md', content: 'one\r\n--two', contentType: 'text/markdown', as: 'document' };
    const { headers, body, url } = await stepOf(tool, 'filled').render(scopeOf(tool, args));
    const boundary = /^multipart\/related; boundary=([0-9a-f-]{36})$/.exec(headers['content-type'] ?? '')?.[1] ?? 'none';
    const [, metadata = '', content = '', end] = String(body).split(`--${boundary}`);
    expect(new URL(url).pathname).toBe('/upload/drive/v3/files');
    expect(JSON.parse(metadata.split('\r\n\r\n')[1] ?? '')).toEqual({
      name: args.name,
      mimeType: 'application/vnd.google-apps.document',
      appProperties: { execution: boundary },
    });
    expect(content).toBe('\r\nContent-Type: text/markdown; charset=UTF-8\r\n\r\none\r\n--two\r\n');
    expect(end).toBe('--\r\n');
  });
});

describe('calendar_create_event', () => {
  const tool = catalog.tool('calendar_create_event');

  it('has an id of ours, by which it is found when the answer was lost', async () => {
    const args = { summary: 'Plan', start: '2026-01-31', end: '2026-02-01' };
    const { body } = await sent(tool, 'request', args);
    expect(body).toMatchObject({ start: { date: '2026-01-31' }, id: expect.stringMatching(/^[0-9a-v]{32}$/) });
    const { url } = (await tool.probe?.step.render(scopeOf(tool, args))) ?? { url: '' };
    expect(url).toBe(`https://www.googleapis.com/calendar/v3/calendars/primary/events/${String(body['id'])}`);
    expect(
      await tool.probe?.found({ status: 404, headers: {}, body: { error: { code: 404 } } }, scopeOf(tool, args)),
    ).toBeUndefined();
  });
});
