import { KeywardError } from '@keyward/contracts';

/** Only `open` and `openRefreshToken` lead to these. */
const TOKEN_FIELDS = new Set(['access_token', 'refresh_token']);
const FIELD = /^[a-z][a-z0-9_]{0,62}$/;

/** @throws KeywardError `internal` for a field that is not one of plain secrets. */
export function assertSecretField(field: string): void {
  if (FIELD.test(field) && !TOKEN_FIELDS.has(field)) return;
  throw new KeywardError('internal', 'A secret was asked for in a way that can not be right.', {
    cause: new Error('the field is a token field or not of the form of a field name'),
  });
}

/** @throws KeywardError `invalid_request` for text that UTF-8 can't hold: a lone surrogate would silently become another character. */
export function utf8(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  throw new KeywardError('invalid_request', 'A secret holds characters that are not valid Unicode; it was not stored.');
}
