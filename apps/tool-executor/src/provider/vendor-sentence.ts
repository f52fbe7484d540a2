import { escapeUnsafe, truncate } from '@keyward/audit';

const MAX_CHARACTERS = 500;

/** A sentence of the provider's, fit to stand in an error of ours: bounded, and with nothing in it that acts on a log or a terminal. */
export function vendorSentence(text: string): string {
  return truncate(escapeUnsafe(truncate(text, MAX_CHARACTERS)), MAX_CHARACTERS);
}
