import { KeywardError } from '@keyward/contracts';
import type { Fail } from '../tool/compile-tool.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';

/** Fields that belong to the connection (RFC 9110 section 7.6.1), to the message's framing, to the credential or to us. */
const NOT_FOR_CONNECTORS =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|content-length|content-encoding|accept-encoding|expect|authorization|cookie|traceparent|tracestate|baggage|forwarded|x-forwarded-.*|keyward-.*)$/;

export function checkHeaderName(name: string, provider: ProviderManifest, fail: Fail): void {
  if (NOT_FOR_CONNECTORS.test(name) || ('name' in provider.credential && name === provider.credential.name))
    fail([], 'a connector does not set this header');
}

/** RFC 9110 section 5.5 without obs-text: visible ASCII, space and tab. CR, LF and NUL would begin another field. */
const FIELD_VALUE = /^[\t\x20-\x7e]{0,4096}$/;

export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

export function assertFieldValue(name: string, value: unknown): string {
  const text = typeof value === 'object' ? undefined : String(value);
  if (text === undefined || !FIELD_VALUE.test(text)) {
    throw new KeywardError(
      'invalid_arguments',
      `The header ${name} can't hold this value: it must be printable ASCII on one line.`,
    );
  }
  return text;
}
