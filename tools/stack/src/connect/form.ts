/** A form as a page of ours or of the sandbox writes it: attributes in double quotes, nothing nested. */
export interface Form {
  action: string;
  fields: { name: string; value: string; type: string }[];
  /** In the order of the page; the first is the one that goes on. */
  buttons: { name: string; value: string; label: string }[];
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function decode(text: string): string {
  return text.replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : decode(value);
}

/** The first form of a page, with what a browser would send of it untouched; undefined when the page has none. */
export function firstForm(page: string): Form | undefined {
  const [, opening, content] = /(<form[^>]*>)([\s\S]*?)<\/form>/.exec(page) ?? [];
  if (opening === undefined || content === undefined) return undefined;
  const inputs = [...content.matchAll(/<input[^>]*>/g)].map(([tag]) => ({
    name: attribute(tag, 'name') ?? '',
    value: attribute(tag, 'value') ?? '',
    type: attribute(tag, 'type') ?? 'text',
    sent: attribute(tag, 'type') !== 'checkbox' || /\schecked\b/.test(tag),
  }));
  const buttons = [...content.matchAll(/(<button[^>]*>)([\s\S]*?)<\/button>/g)].map(([, tag = '', label = '']) => ({
    name: attribute(tag, 'name') ?? '',
    value: attribute(tag, 'value') ?? '',
    label: decode(label.trim()),
  }));
  return {
    action: attribute(opening, 'action') ?? '',
    fields: inputs.filter(({ sent, name }) => sent && name !== '').map(({ name, value, type }) => ({ name, value, type })),
    buttons,
  };
}

/** The heading of a page, as text. */
export function heading(page: string): string {
  const [, text = ''] = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(page) ?? [];
  return decode(text.replace(/<[^>]*>/g, '').trim());
}
