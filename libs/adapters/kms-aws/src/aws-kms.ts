import { DecryptCommand, DescribeKeyCommand, GenerateDataKeyCommand, KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms';
import { assertKmsContext, keysUnavailable, type KeyManagement, type KmsContext, type WrappedKey } from '@keyward/vault';
import { asKmsError, asUnwrappingError, refuseImpossibleCiphertext } from './errors.js';

export interface AwsKmsOptions {
  /** Key id, ARN or alias of a symmetric key. Wraps; the keys that wrapped earlier are found by the KMS itself. */
  keyId: string;
  /** Left out: that of the ARN, else what the AWS configuration of the machine says. */
  region?: string | undefined;
  /** Another endpoint than the region's own: an emulator or a VPC endpoint. */
  endpoint?: string | undefined;
}

const CONNECT_TIMEOUT_MS = 1_000;
/** Of one attempt. KMS answers in milliseconds; what takes longer is down. */
const ATTEMPT_TIMEOUT_MS = 2_000;
const ATTEMPTS = 3;
/** Over all attempts and the pauses between them: a tool call waits for this when its data key is not in memory. */
const TOTAL_TIMEOUT_MS = 6_000;

/**
 * AWS KMS. The identity comes from the environment in the ways that AWS defines, in Kubernetes from the pod's service account. It needs
 * kms:GenerateDataKey, kms:Decrypt, kms:ReEncryptFrom, kms:ReEncryptTo and kms:DescribeKey on the key, and on earlier keys
 * kms:Decrypt and kms:ReEncryptFrom.
 */
class AwsKms implements KeyManagement {
  readonly #client: KMSClient;
  readonly #keyId: string;

  constructor(options: AwsKmsOptions) {
    this.#keyId = options.keyId;
    const region = options.region ?? regionOf(options.keyId);
    this.#client = new KMSClient({
      ...(region === undefined ? {} : { region }),
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      maxAttempts: ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: ATTEMPT_TIMEOUT_MS,
        throwOnRequestTimeout: true,
      },
    });
  }

  async generateDataKey(context: KmsContext): Promise<WrappedKey & { plaintext: Buffer }> {
    const EncryptionContext = encryptionContext(context);
    const command = new GenerateDataKeyCommand({ KeyId: this.#keyId, KeySpec: 'AES_256', EncryptionContext });
    const answer = await this.#client.send(command, bounded()).catch(asKmsError);
    return { plaintext: bytes(answer.Plaintext), wrapped: bytes(answer.CiphertextBlob), kmsKeyId: answer.KeyId ?? this.#keyId };
  }

  async decrypt(wrapped: Buffer, context: KmsContext): Promise<Buffer> {
    const EncryptionContext = encryptionContext(context);
    refuseImpossibleCiphertext(wrapped);
    const command = new DecryptCommand({ CiphertextBlob: wrapped, EncryptionContext });
    const answer = await this.#client.send(command, bounded()).catch(asUnwrappingError);
    return bytes(answer.Plaintext);
  }

  async reencrypt(wrapped: Buffer, context: KmsContext): Promise<WrappedKey> {
    const SourceEncryptionContext = encryptionContext(context);
    refuseImpossibleCiphertext(wrapped);
    const command = new ReEncryptCommand({
      CiphertextBlob: wrapped,
      SourceEncryptionContext,
      DestinationKeyId: this.#keyId,
      DestinationEncryptionContext: SourceEncryptionContext,
    });
    const answer = await this.#client.send(command, bounded()).catch(asUnwrappingError);
    return { wrapped: bytes(answer.CiphertextBlob), kmsKeyId: answer.KeyId ?? this.#keyId };
  }

  async health(): Promise<void> {
    const { KeyMetadata } = await this.#client.send(new DescribeKeyCommand({ KeyId: this.#keyId }), bounded()).catch(asKmsError);
    if (KeyMetadata?.KeyState === 'Enabled' && KeyMetadata.KeySpec === 'SYMMETRIC_DEFAULT') return;
    throw keysUnavailable(new Error(`the KMS key is ${KeyMetadata?.KeyState} and of kind ${KeyMetadata?.KeySpec}`));
  }
}

function regionOf(keyId: string): string | undefined {
  return /^arn:[^:]+:kms:([^:]+):/.exec(keyId)?.[1];
}

function bounded(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(TOTAL_TIMEOUT_MS) };
}

/**
 * The names hold a colon, which no value may hold: so the entries stay apart even where a KMS joins them without lengths, as the
 * emulators do. docs/storage-format.md
 */
function encryptionContext(context: KmsContext): Record<string, string> {
  assertKmsContext(context);
  return { 'keyward:org': context.org, 'keyward:purpose': context.purpose };
}

/** The same bytes, not a copy that somebody would have to zero as well. */
function bytes(answer: Uint8Array | undefined): Buffer {
  if (answer === undefined) throw keysUnavailable(new Error('the KMS left out a part of its answer'));
  return Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
}

export function createAwsKms(options: AwsKmsOptions): KeyManagement {
  return new AwsKms(options);
}
