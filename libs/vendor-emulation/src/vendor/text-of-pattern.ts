/** Longest repetition that is written out: patterns bound what is taken, not what is usual. */
const MAX_REPEATED = 64;
const CLASSES: Readonly<Record<string, string>> = {
  d: '1',
  w: 'a',
  s: ' ',
  D: 'a',
  W: '-',
  S: 'a',
  b: '',
  B: '',
  n: '\n',
  t: '\t',
};

/** A text that a regular expression matches, the first of everything that is left open; undefined where that does not lead to one. */
export function textOfPattern(pattern: string): string | undefined {
  try {
    const compiled = new RegExp(pattern);
    const text = new Reader(pattern).alternatives();
    return compiled.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

class Reader {
  private at = 0;

  constructor(private readonly pattern: string) {}

  /** The first of `a|b`; the others are read past. */
  alternatives(): string {
    const first = this.sequence();
    while (this.pattern[this.at] === '|') {
      this.at++;
      this.sequence();
    }
    return first;
  }

  private sequence(): string {
    let text = '';
    while (this.at < this.pattern.length && this.pattern[this.at] !== '|' && this.pattern[this.at] !== ')') {
      text += this.repeated(this.atom());
    }
    return text;
  }

  private atom(): string {
    const char = this.pattern[this.at++] ?? '';
    if (char === '^' || char === '$') return '';
    if (char === '.') return 'a';
    if (char === '\\') return this.escape();
    if (char === '[') return this.characterClass();
    return char === '(' ? this.group() : char;
  }

  private escape(): string {
    const char = this.pattern[this.at++] ?? '';
    return CLASSES[char] ?? char;
  }

  private group(): string {
    const assertion = /^\?(?:[=!]|<[=!])/.test(this.pattern.slice(this.at));
    this.at += /^\?(?::|[=!]|<[=!]|<[^>]+>)/.exec(this.pattern.slice(this.at))?.[0].length ?? 0;
    const text = this.alternatives();
    this.at++;
    return assertion ? '' : text;
  }

  /** The first character, or of `[^…]` one that is not among them. */
  private characterClass(): string {
    const from = this.at - 1;
    const negated = this.pattern[this.at] === '^';
    if (negated) this.at++;
    const first = this.pattern[this.at] === '\\' ? (this.at++, this.escape()) : (this.pattern[this.at++] ?? '');
    while (this.at < this.pattern.length && this.pattern[this.at] !== ']') this.at += this.pattern[this.at] === '\\' ? 2 : 1;
    this.at++;
    if (!negated) return first;
    const whole = new RegExp(this.pattern.slice(from, this.at));
    return ['a', '1', 'A', '-', ' '].find((char) => whole.test(char)) ?? 'a';
  }

  private repeated(text: string): string {
    const quantifier = /^(?:[*+?]|\{(\d+)(,\d*)?\})\??/.exec(this.pattern.slice(this.at));
    if (quantifier === null) return text;
    this.at += quantifier[0].length;
    if (quantifier[0].startsWith('*') || quantifier[0].startsWith('?')) return '';
    return text.repeat(Math.min(MAX_REPEATED, Number(quantifier[1] ?? 1)));
  }
}
