import { keyRefused, keysUnavailable } from '@keyward/vault';

/** AWS KMS API Reference, Decrypt, CiphertextBlob: 1 to 6144 bytes. */
const CIPHERTEXT_BYTES = 6_144;

/**
 * What the KMS says of a ciphertext that is damaged, was made in another context, or by a key that is gone for good. Everything else (denied,
 * disabled, pending deletion, throttled, 5xx, timeout, network) is a state that can pass, and says nothing about the ciphertext.
 */
const ABOUT_THE_CIPHERTEXT = new Set([
  'InvalidCiphertextException',
  'IncorrectKeyException',
  'NotFoundException',
  'ValidationException',
]);

function nameOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'name' in thrown ? String(thrown.name) : '';
}

export function asKmsError(thrown: unknown): never {
  throw keysUnavailable(thrown);
}

export function asUnwrappingError(thrown: unknown): never {
  if (ABOUT_THE_CIPHERTEXT.has(nameOf(thrown))) throw keyRefused(thrown);
  throw keysUnavailable(thrown);
}

/** Such bytes would fail validation inside the SDK or at the KMS, in a different way at each. */
export function refuseImpossibleCiphertext(wrapped: Buffer): void {
  if (wrapped.length > 0 && wrapped.length <= CIPHERTEXT_BYTES) return;
  throw keyRefused(new Error(`a wrapped key of ${wrapped.length} bytes`));
}
