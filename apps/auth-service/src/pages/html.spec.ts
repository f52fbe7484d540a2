import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Html, html } from './html.js';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '`${alert(1)}`',
  '&lt;script&gt;',
  '</title><script>',
  'a\u0000b\u202eevil\u2066',
  '\ud800',
];

describe('html', () => {
  it.each(HOSTILE)('%j stays text', (value) => {
    const { text } = html`<p title="${value}">${value}</p>`;
    expect(text.match(/[<>]/g)).toHaveLength(4);
    expect(text.match(/"/g)).toHaveLength(2);
    expect(text).not.toMatch(/[\p{Cc}\u202e\u2066'`]/u);
  });

  it('nothing that is put in can end the attribute or the element', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const { text } = html`<p title="${value}">${value}</p>`;
        expect(/^<p title="[^"<>]*">[^"<>]*<\/p>$/s.test(text)).toBe(true);
      }),
    );
  });

  it('nests what it made itself without escaping it twice', () => {
    const items = ['a', '<b>'].map((value) => html`<li>${value}</li>`);
    const { text } = html`<ul>
      ${items}
    </ul>`;
    expect(text.replace(/\s/g, '')).toBe('<ul><li>a</li><li>&lt;b&gt;</li></ul>');
    expect(html`${undefined}${new Html('<hr>')}${7}`.text).toBe('<hr>7');
  });
});
