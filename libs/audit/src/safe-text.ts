/**
 * What must not reach a log line, a terminal or a page as it is (CWE-117, CVE-2021-42574 "Trojan Source"): control characters (Cc),
 * invisible format characters, which include the bidirectional ones (Cf), line and paragraph separators (Zl, Zp), lone surrogates (Cs).
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const TO_ESCAPE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\]/gu;

export function isSafeText(text: string): boolean {
  return !UNSAFE.test(text);
}

/** Unsafe characters as `\u{hex}`, and `\` as `\\` so that a reader can tell an escape from text that looks like one. */
export function escapeUnsafe(text: string): string {
  return text.replace(TO_ESCAPE, (char) => (char === '\\' ? '\\\\' : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`));
}

/** At most `max` UTF-16 units, the last one `…` where something was cut; never half of a surrogate pair. */
export function truncate(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max - 1);
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`;
}
