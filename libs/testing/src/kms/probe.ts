/** What a KMS answers to: the JSON protocol 1.1 of AWS. Emulators check no signature, but find the service by it. */
const HEADERS = {
  'content-type': 'application/x-amz-json-1.1',
  authorization:
    'AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/kms/aws4_request, SignedHeaders=host;x-amz-target, Signature=0',
};
const REQUEST_TIMEOUT_MS = 5_000;

interface Answer {
  status: number;
  /** Of an error: the exception's name. */
  error: string;
  body: Record<string, unknown>;
}

async function ask(endpoint: string, operation: string, input: object): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { ...HEADERS, 'x-amz-target': `TrentService.${operation}` },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, error: String(body['__type'] ?? ''), body };
}

/** @throws Error unless the emulator answers at all. @returns the id of a new symmetric key. */
export async function createKey(endpoint: string): Promise<string> {
  const { body } = await ask(endpoint, 'CreateKey', {});
  return (body['KeyMetadata'] as { KeyId: string }).KeyId;
}

function damaged(blob: string): string[] {
  const bytes = Buffer.from(blob, 'base64');
  const flips = [0, 1, 8, bytes.length >> 1, bytes.length - 1].map((index) => {
    const copy = Buffer.from(bytes);
    copy[index] = (copy[index] ?? 0) ^ 1;
    return copy;
  });
  return [...flips, bytes.subarray(0, 5), bytes.subarray(0, -1)].map((copy) => copy.toString('base64'));
}

/**
 * Whether the emulator keeps what the contract suite relies on: it encrypts for real, binds the context, and refuses what is damaged as
 * a fault of the caller and not with a crash. @returns undefined, or in a sentence what it does not.
 */
export async function kmsDefect(endpoint: string): Promise<string | undefined> {
  const KeyId = await createKey(endpoint);
  const EncryptionContext = { org: 'a' };
  const made = await ask(endpoint, 'GenerateDataKey', { KeyId, KeySpec: 'AES_256', EncryptionContext });
  const CiphertextBlob = String(made.body['CiphertextBlob']);
  const opened = await ask(endpoint, 'Decrypt', { CiphertextBlob, EncryptionContext });
  if (opened.body['Plaintext'] !== made.body['Plaintext']) return 'does not decrypt what it encrypted';
  const elsewhere = await ask(endpoint, 'Decrypt', { CiphertextBlob, EncryptionContext: { org: 'b' } });
  if (elsewhere.status !== 400) return 'does not refuse another encryption context';
  const DestinationKeyId = await createKey(endpoint);
  const contexts = { SourceEncryptionContext: EncryptionContext, DestinationEncryptionContext: EncryptionContext };
  const moved = await ask(endpoint, 'ReEncrypt', { CiphertextBlob, DestinationKeyId, ...contexts });
  if (moved.status !== 200) return 'does not re-encrypt';
  for (const blob of damaged(CiphertextBlob)) {
    const { status, error } = await ask(endpoint, 'Decrypt', { CiphertextBlob: blob, EncryptionContext });
    if (status !== 400 || error === '') return 'does not refuse a damaged ciphertext properly';
  }
  return undefined;
}
