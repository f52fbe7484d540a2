/**
 * Addresses as templates: `https://host/a/{one}/b/{+several}`. A placeholder may stand within a segment (`{range}:append`), and one in
 * front of everything (`{instance_url}`) stands for an origin.
 */
const PLACEHOLDER = /\{(\+?)([^{}]+)\}/g;
/** What a placeholder is filled with to compare templates: no vendor writes it. */
const FILLED = '\u00a7';

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const trimmed = (template: string) => template.replace(/\/$/, '');

/** How a rendered address looks; a group per placeholder, in the order of namesOf. */
export function addressPattern(template: string, many: ReadonlySet<string> = new Set()): RegExp {
  let pattern = '';
  let last = 0;
  for (const found of template.matchAll(PLACEHOLDER)) {
    const [whole, plus, name = ''] = found;
    pattern += literally(template.slice(last, found.index));
    if (found.index === 0) pattern += '(https?://[^/]+)';
    else pattern += plus === '+' || many.has(name) ? '(.+)' : '([^/]+)';
    last = found.index + whole.length;
  }
  return new RegExp(`^${pattern}${literally(trimmed(template.slice(last)))}/?$`);
}

/** Names of the placeholders, in their order. */
export function namesOf(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, , name = '']) => name);
}

/** Whether what the tool's template renders to is always an address of the vendor's: where the vendor has a word, so has the tool. */
export function covers(vendors: string, tools: string): boolean {
  const theirs = segmentsOf(vendors);
  const ours = segmentsOf(tools);
  return theirs.length === ours.length && theirs.every((segment, index) => segmentCovers(segment, ours[index] ?? ''));
}

function segmentCovers(theirs: string, ours: string): boolean {
  if (theirs === ours) return true;
  if (!theirs.includes('{')) return false;
  const pattern = theirs.split(PLACEHOLDER).filter((_part, index) => index % 3 === 0);
  return new RegExp(`^${pattern.map(literally).join('.+')}$`).test(ours.replace(PLACEHOLDER, FILLED));
}

const segmentsOf = (template: string) => trimmed(template.startsWith('{') ? `https://${template}` : template).split('/');

/** How many characters of a template are literal: of several that fit, the one with the most is meant. */
export function literalLength(template: string): number {
  return template.replace(PLACEHOLDER, '').length;
}
