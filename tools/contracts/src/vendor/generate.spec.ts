import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test } from '@fast-check/jest';
import { describe, expect, it } from '@jest/globals';
import { generate, textOfPattern, VendorContract } from '@keyward/vendor-emulation';
import { connectorsWithTools } from '../extract/declared-requests.js';

const CONNECTORS = join(import.meta.dirname, '../../../../connectors');
const described = connectorsWithTools(CONNECTORS).filter((name) => existsSync(join(CONNECTORS, name, 'contract.json')));

describe('data made from a schema', () => {
  it.each(described)('is an answer as %s describes it, for every operation', (connector) => {
    const contract = VendorContract.read(join(CONNECTORS, connector, 'contract.json'));
    const { schemas } = contract.document.components;
    const wrong: string[] = [];
    for (const { method, path, operation } of contract.operations) {
      for (const { schema } of Object.values(Object.values(operation.responses)[0]?.content ?? {})) {
        if (schema === undefined) continue;
        const problems = contract.ofAnswer(schema)(generate(schema, schemas));
        wrong.push(...problems.map((problem) => `${method} ${path} ${problem}`));
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is the same every time, and ends where a schema refers to itself', () => {
    const schemas = {
      Node: { type: 'object', properties: { next: { $ref: '#/components/schemas/Node' }, n: { type: 'integer' } } },
    };
    const schema = { $ref: '#/components/schemas/Node' };
    expect(generate(schema, schemas)).toEqual(generate(schema, schemas));
    expect(JSON.stringify(generate(schema, schemas)).length).toBeLessThan(500);
  });

  it.each([
    ['^[0-9a-f]{24}$'],
    ['^(?:C|D|G)[A-Z0-9]{2,30}$'],
    [String.raw`^\d{1,12}\.\d{6}$`],
    ['^[^A-Z .]+$'],
    [String.raw`^(?!x)[a-z]+(-[a-z]+)*$`],
    [String.raw`^#?[\w.-]+@[\w.-]+\.\w{2,}$`],
    ['^a|b$'],
  ])('a text that matches %s', (pattern) => {
    expect(textOfPattern(pattern)).toMatch(new RegExp(pattern));
  });

  test.prop([fc.string()])('no pattern leads to a text that it does not match', (pattern) => {
    const text = textOfPattern(pattern);
    if (text !== undefined) expect(new RegExp(pattern).test(text)).toBe(true);
  });
});
