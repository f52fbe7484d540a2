import { describe, expect, it } from '@jest/globals';
import { scopeOf, stepOf, toolOf } from '../../test/tools.js';

const step = (more: object) => ({
  id: 'items',
  request: { method: 'POST', path: '/items', body: { url: '$item.url', all: '$item' } },
  ...more,
});
const tool = toolOf(
  {
    steps: [
      step({ for_each: 'pictures' }),
      { id: 'join', request: { method: 'POST', path: '/join', body: { of: '$steps.items' } } },
    ],
    idempotency: { header: 'Idempotency-Key' },
  },
  { pictures: {} },
);
const scopesOf = async (pictures: unknown) => (await stepOf(tool, 'items').each?.(scopeOf(tool, { pictures }))) ?? [];

describe('a step for each item of a list', () => {
  it('is made of the item, each time with another idempotency key', async () => {
    const scopes = await scopesOf([{ url: 'a' }, { url: 'b' }]);
    const requests = await Promise.all(scopes.map((scope) => stepOf(tool, 'items').render(scope)));
    expect(requests.map(({ body }) => JSON.parse(String(body)) as unknown)).toEqual([
      { url: 'a', all: { url: 'a' } },
      { url: 'b', all: { url: 'b' } },
    ]);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(2);
  });

  it.each<[unknown, number]>([
    [undefined, 0],
    [null, 0],
    [[], 0],
    [{ url: 'a' }, 1],
    [Array.from({ length: 100 }, () => 'x'), 100],
  ])('is for %j as often as there are items', async (pictures, count) => {
    expect(await scopesOf(pictures)).toHaveLength(count);
  });

  it('is for no more than a hundred', async () => {
    await expect(scopesOf(Array.from({ length: 101 }, () => 'x'))).rejects.toMatchObject({ code: 'invalid_arguments' });
  });

  it('alone knows an item', () => {
    expect(() => toolOf({ steps: [step({})] }, {})).toThrow('$item');
    expect(() =>
      toolOf({ steps: [step({ request: { method: 'POST', path: '/x', body: { a: { $expr: '$item' } } } })] }, {}),
    ).toThrow('$item');
    expect(stepOf(tool, 'join').each).toBeUndefined();
  });
});
