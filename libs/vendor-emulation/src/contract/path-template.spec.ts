import { describe, expect, it } from '@jest/globals';
import { addressPattern, covers, namesOf } from './path-template.js';

describe('addresses as templates', () => {
  it.each([
    ['https://a.example/things/{id}', 'https://a.example/things/{thing_id}', true],
    ['https://a.example/things/{id}', 'https://a.example/things/me', true],
    ['https://a.example/things/{id}/', 'https://a.example/things/{id}', true],
    ['https://a.example/{x}/values/{range}:append', 'https://a.example/{y}/values/{r}:append', true],
    ["https://a.example/range(address='{address}')", "https://a.example/range(address='{a}')", true],
    ['https://a.example/v{version}/query', 'https://a.example/v67.0/query', true],
    ['{instance_url}/services/{x}', '{instance_url}/services/data', true],
    ['https://a.example/files/{path}', 'https://a.example/files/{+path}', true],
    ['https://a.example/things/special', 'https://a.example/things/{id}', false],
    ['https://a.example/things/{id}', 'https://b.example/things/{id}', false],
    ['https://a.example/things/{id}', 'https://a.example/things/{id}/parts', false],
    ['https://a.example/{x}/values/{range}:append', 'https://a.example/{y}/values/{r}', false],
  ])('%s covers %s: %s', (vendors, tools, expected) => {
    expect(covers(vendors, tools)).toBe(expected);
  });

  it('match what they render to, and tell the values in order', () => {
    const template = 'https://a.example/{org}/files/{+path}';
    expect(namesOf(template)).toEqual(['org', 'path']);
    expect(addressPattern(template).exec('https://a.example/o1/files/a/b')?.slice(1)).toEqual(['o1', 'a/b']);
    expect(addressPattern(template).test('https://a.example/o1/o2/files/a')).toBe(false);
    expect(addressPattern('https://a.example/x.y').test('https://a.example/xzy')).toBe(false);
  });
});
