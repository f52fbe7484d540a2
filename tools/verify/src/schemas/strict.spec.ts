import { describe, expect, it } from '@jest/globals';
import { strict } from './strict.js';

describe('strict', () => {
  it('forbids fields that are not named, at every depth', () => {
    const inner = { type: 'object', properties: { image: { type: 'string' } } };
    expect(strict({ type: 'object', properties: { containers: { type: 'array', items: inner } } })).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: { containers: { type: 'array', items: { ...inner, additionalProperties: false } } },
    });
  });

  it('leaves open what the server leaves open', () => {
    expect(strict({ type: 'object' })).toEqual({ type: 'object' });
    expect(strict({ type: 'object', properties: {}, 'x-kubernetes-preserve-unknown-fields': true })).toEqual({
      type: 'object',
      properties: {},
    });
    expect(strict({ type: 'object', additionalProperties: { type: 'string' } })).toEqual({
      type: 'object',
      additionalProperties: { type: 'string' },
    });
  });

  it('keeps conditions from forbidding the fields that they do not look at', () => {
    const condition = { required: ['port'], properties: { port: { type: 'integer' } } };
    expect(strict({ type: 'object', properties: { port: { type: 'integer' } }, oneOf: [condition] })).toMatchObject({
      oneOf: [condition],
    });
  });

  it('takes a number or a text where Kubernetes does', () => {
    const either = { anyOf: [{ type: 'integer' }, { type: 'string' }] };
    expect(strict({ type: 'string', format: 'int-or-string' })).toEqual(either);
    expect(strict({ 'x-kubernetes-int-or-string': true })).toEqual(either);
  });

  it('takes a field for a field, whatever it is called', () => {
    expect(strict({ properties: { default: { type: 'string' }, description: { type: 'string' } } })).toMatchObject({
      properties: { default: { type: 'string' }, description: { type: 'string' } },
    });
  });
});
