import { describe, expect, it } from '@jest/globals';
import { checkExpression } from './check-expression.js';

const BOUND = new Set(['args', 'steps', 'key']);

function reads(text: string) {
  const found = checkExpression(text, BOUND);
  if ('problem' in found) return found.problem;
  const members = Object.fromEntries([...found.members].map(([name, set]) => [name, [...set].sort()]));
  return { names: [...found.names].sort(), members, wholes: [...found.wholes].sort() };
}

const NONE = { names: [], members: {}, wholes: [] };

describe('what an expression reads', () => {
  it.each<[string, object]>([
    ['title', { names: ['title'] }],
    ['a.b.c', { names: ['a'] }],
    ['a[b = c]', { names: ['a'] }],
    ['a[$args.b = 1]', { names: ['a'], members: { args: ['b'] } }],
    ['$args.title & key', { names: ['key'], members: { args: ['title'] } }],
    ['{"t": title, "n": {"b": body}}', { names: ['body', 'title'] }],
    ['items.{"id": id}', { names: ['items'] }],
    ['items{id: name}', { names: ['items'] }],
    ['items^(>price)', { names: ['items'] }],
    ['$map(items, function($v){ $v.id & suffix })', { names: ['items', 'suffix'] }],
    ['items ~> |things|{"x": y}, ["z"]|', { names: ['items'] }],
    ['a ? b : c', { names: ['a', 'b', 'c'] }],
    ['($x := a; $x & b)', { names: ['a', 'b'] }],
    ['$.a & $$.b', { names: ['a', 'b'] }],
    ['items.($$.b)', { names: ['b', 'items'] }],
    ['$merge([$, {"x": 1}])', { wholes: [''] }],
    ['*', { wholes: [''] }],
    ['$keys($args)', { wholes: ['args'] }],
    ['$steps.start.id', { members: { steps: ['start'] } }],
    ['items@$i.$i.id', { names: ['items'] }],
    ['items#$n.{"n": $n, "id": id}', { names: ['items'] }],
    ['$uuidFrom($key)', { wholes: ['key'] }],
    ['[1..3]', {}],
  ])('%s', (text, expected) => {
    expect(reads(text)).toEqual({ ...NONE, ...expected });
  });

  it.each<[string, string]>([
    ['a.', 'not a JSONata expression'],
    ['(', 'not a JSONata expression'],
    ['$arg.x', 'there is no $arg here'],
    ['$status', 'there is no $status here'],
    ['$eval("1")', 'there is no $eval here'],
    ['($e := $eval; $e("1"))', 'there is no $eval here'],
    ['$match(a, /(a+)+$/)', 'could take very long'],
    ['$replace(a, /(x*)*y/, "")', 'could take very long'],
    [`$contains(a, /${'a'.repeat(501)}/)`, 'could take very long'],
  ])('%s is refused', (text, problem) => {
    expect(reads(text)).toContain(problem);
  });
});
