import { createPublicKey, type KeyObject } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import type { CheckpointSigner } from '@keyward/audit';
import { publicJwkOf, type CheckpointJwk } from '@keyward/audit/verification';
import { signingUnavailable } from '../errors.js';
import { joseSignature } from './signature.js';

export interface AwsSignerOptions {
  /** Key id, ARN or alias of an asymmetric key: SIGN_VERIFY, ECC_NIST_P256. */
  keyId: string;
  /** Left out: that of the ARN, else what the AWS configuration of the machine says. */
  region?: string;
  /** Another endpoint than the region's own: an emulator or a VPC endpoint. */
  endpoint?: string;
}

const CONNECT_TIMEOUT_MS = 1_000;
/** Of one attempt. */
const ATTEMPT_TIMEOUT_MS = 2_000;
const ATTEMPTS = 3;
/** Over all attempts and the pauses between them. */
const TOTAL_TIMEOUT_MS = 6_000;

/** A key in AWS KMS, which nobody can take out. The identity needs kms:GetPublicKey and kms:Sign on it, and nothing else. */
class AwsSigner implements CheckpointSigner {
  readonly alg = 'ES256';

  constructor(
    private readonly client: KMSClient,
    /** Its ARN: an alias that is moved to another key meanwhile must not make signatures that name the old one. */
    private readonly keyArn: string,
    private readonly jwk: CheckpointJwk,
  ) {}

  get kid(): string {
    return this.jwk.kid;
  }

  publicJwk(): CheckpointJwk {
    return { ...this.jwk };
  }

  async sign(input: Buffer): Promise<Buffer> {
    try {
      const command = new SignCommand({
        KeyId: this.keyArn,
        // Whole, since it is below the 4096 bytes that the KMS hashes itself: emulators hash a digest once more.
        Message: input,
        MessageType: 'RAW',
        SigningAlgorithm: 'ECDSA_SHA_256',
      });
      const { Signature } = await this.client.send(command, bounded());
      if (Signature === undefined) throw new Error('the KMS left out the signature');
      return joseSignature(Signature);
    } catch (cause) {
      throw signingUnavailable(cause);
    }
  }
}

/** @throws KeywardError `dependency_unavailable` */
export async function openAwsSigner(options: AwsSignerOptions): Promise<CheckpointSigner> {
  const client = clientOf(options);
  try {
    const { KeyId, PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId: options.keyId }), bounded());
    if (PublicKey === undefined) throw new Error('the KMS left out the public key');
    const key = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
    const jwk = await publicJwkOf(key);
    if (jwk?.alg !== 'ES256')
      throw new Error(`the KMS key is of ${kindOf(key)}; checkpoints need one of ECC_NIST_P256 for SIGN_VERIFY`);
    return new AwsSigner(client, KeyId ?? options.keyId, jwk);
  } catch (cause) {
    client.destroy();
    throw signingUnavailable(cause);
  }
}

function kindOf(key: KeyObject): string {
  return [key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve].filter((part) => part !== undefined).join(' ');
}

function clientOf({ keyId, region = regionOf(keyId), endpoint }: AwsSignerOptions): KMSClient {
  return new KMSClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: ATTEMPT_TIMEOUT_MS, throwOnRequestTimeout: true },
  });
}

function regionOf(keyId: string): string | undefined {
  return /^arn:[^:]+:kms:([^:]+):/.exec(keyId)?.[1];
}

function bounded(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(TOTAL_TIMEOUT_MS) };
}
