import { describe, expect, it } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { readBearerChallenge } from './challenge.js';

const AT = 'https://mcp.example.com/.well-known/oauth-protected-resource';

describe('a Bearer challenge', () => {
  it.each<[string, string | undefined, string | undefined]>([
    [`Bearer resource_metadata="${AT}"`, AT, undefined],
    [`bearer realm="x", resource_metadata="${AT}", scope="a b"`, AT, 'a b'],
    [`Basic realm="x", Bearer resource_metadata=${AT}`, AT, undefined],
    [`Bearer realm="a \\"quoted\\", resource_metadata=no", resource_metadata="${AT}"`, AT, undefined],
    [`Bearer resource_metadata="${AT}", Basic realm="y"`, AT, undefined],
    ['Bearer', undefined, undefined],
    [`Bearer resource_metadata="${AT}", resource_metadata="https://evil.example"`, undefined, undefined],
    [`Bearer error="invalid_token" resource_metadata="${AT}"`, AT, undefined],
  ])('%s', (header, resourceMetadata, scope) => {
    expect(readBearerChallenge(header)).toEqual({ resourceMetadata, scope });
  });

  it.each([null, '', 'Basic realm="x"', 'BearerX a=b', `Bearer a="${'x'.repeat(9000)}"`])('is not in %j', (header) => {
    expect(readBearerChallenge(header)).toBeUndefined();
  });

  test.prop([fc.string({ unit: 'binary', maxLength: 300 })])('is read from anything without an error', (text) => {
    readBearerChallenge(`Bearer ${text}`);
    readBearerChallenge(text);
  });

  it('is read in linear time from what is made to be slow', () => {
    const began = performance.now();
    for (const text of [', '.repeat(4000), `a="${'\\'.repeat(8000)}`, ' '.repeat(8000), 'a=b,'.repeat(2000)])
      readBearerChallenge(`Bearer ${text}`);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
