import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileHere } from './evaluate.js';

const [there, back] = ['$base64url(text)', '$base64urlDecode(text)'].map(compileHere) as [
  ReturnType<typeof compileHere>,
  ReturnType<typeof compileHere>,
];

describe('$base64urlDecode', () => {
  it('gives back what $base64url made, whatever the text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        const [encoded] = await there([{ text }], {});
        expect(await back([{ text: encoded }], {})).toEqual([text.toWellFormed()]);
      }),
      { numRuns: 30 },
    );
  });

  it('takes padding, and the other alphabet as well', async () => {
    expect(await back([{ text: 'w7_Dvg==' }, { text: 'w7/Dvg' }], {})).toEqual(['ÿþ', 'ÿþ']);
  });
});
