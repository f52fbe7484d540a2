import { createHash, createPublicKey } from 'node:crypto';
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
const KEY_SPEC = 'ECC_NIST_P256';

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
        Message: createHash('sha256').update(input).digest(),
        MessageType: 'DIGEST',
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
    const { KeyId, KeySpec, KeyUsage, PublicKey } = await client.send(
      new GetPublicKeyCommand({ KeyId: options.keyId }),
      bounded(),
    );
    if (KeySpec !== KEY_SPEC || KeyUsage !== 'SIGN_VERIFY')
      throw new Error(`the KMS key is ${KeySpec} for ${KeyUsage}; checkpoints need ${KEY_SPEC} for SIGN_VERIFY`);
    if (PublicKey === undefined) throw new Error('the KMS left out the public key');
    const jwk = await publicJwkOf(createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' }));
    if (jwk?.alg !== 'ES256') throw new Error('the public key of the KMS key is not one of P-256');
    return new AwsSigner(client, KeyId ?? options.keyId, jwk);
  } catch (cause) {
    client.destroy();
    throw signingUnavailable(cause);
  }
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
