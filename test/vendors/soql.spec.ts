import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadCatalog, resolveProvider, type Arguments } from '@keyward/connectors';
import fc from 'fast-check';

const connector = fileURLToPath(new URL('../../connectors/salesforce', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'keyward-soql-'));
symlinkSync(connector, join(folder, 'salesforce'));
const catalog = loadCatalog(folder, {});
afterAll(() => rmSync(folder, { recursive: true }));

/** The query that a call sends, its texts taken out: `''` stands where each was. */
async function soqlOf(name: string, args: Arguments): Promise<{ rest: string; texts: string[] }> {
  const tool = catalog.tool(name);
  tool.validateArguments(args);
  const connection = { login_host: 'login.salesforce.com', instance_url: 'https://acme.my.salesforce.com' };
  const provider = resolveProvider(tool.provider, { connection, app: {}, clientId: 'client' });
  const scope = { args, steps: {}, key: 'key', connection, provider };
  const rendered = await tool.steps[0]?.render(scope, { wanted: 1, position: {} });
  return withoutTexts(new URL(rendered?.url ?? '').searchParams.get('q') ?? '');
}

/** SOQL: a text stands in single quotes, and a backslash takes the meaning from the character after it. */
function withoutTexts(soql: string): { rest: string; texts: string[] } {
  const texts: string[] = [];
  const rest = soql.replace(/'((?:[^'\\]|\\.)*)'/gs, (_text, inner: string) => {
    texts.push(inner.replace(/\\(.)/gs, '$1'));
    return "''";
  });
  return { rest, texts };
}

/** Mostly what could end a text, or begin something new. */
const hostile = fc
  .array(fc.oneof(fc.constantFrom("'", '\\', '%', '_', '"', ' OR ', '--', '/*', '{', ')', 'Id != null', "\\'"), fc.string()), {
    minLength: 1,
    maxLength: 20,
  })
  .map((parts) =>
    parts
      .join('')
      .replace(/\p{Cc}/gu, '')
      .slice(0, 80),
  )
  .filter((text) => text !== '');

describe('SOQL made from arguments', () => {
  it('is the same whatever a text says, and holds the text as it is', async () => {
    const found = await soqlOf('salesforce_search_contacts', { query: 'x', email: 'x@x' });
    const listed = await soqlOf('salesforce_list_accounts', { name: 'x' });
    expect(found.texts).toEqual(['%x%', '%x%', '%x%', 'x@x']);
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const email = `${text}@x`;
        const [search, list] = [
          await soqlOf('salesforce_search_contacts', { query: text, email }),
          await soqlOf('salesforce_list_accounts', { name: text }),
        ];
        expect([search.rest, list.rest]).toEqual([found.rest, listed.rest]);
        expect(search.texts).toEqual([`%${text}%`, `%${text}%`, `%${text}%`, email]);
        expect(list.texts).toEqual([`%${text}%`]);
      }),
    );
  });

  it.each([
    ['salesforce_list_contacts', 'account_id'],
    ['salesforce_list_contacts', 'updated_since'],
    ['salesforce_list_opportunities', 'account_id'],
    ['salesforce_list_opportunities', 'closing_before'],
    ['salesforce_list_accounts', 'updated_since'],
  ])('%s takes nothing for %s that could be more SOQL', async (name, argument) => {
    await fc.assert(
      fc.asyncProperty(
        hostile.filter((text) => /['\\ ()%_]/.test(text)),
        async (text) => {
          await expect(soqlOf(name, { [argument]: text })).rejects.toMatchObject({ code: 'invalid_arguments' });
        },
      ),
    );
  });
});
