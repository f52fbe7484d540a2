import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { assertObjectKey, objectLocked, objectsUnavailable, type ObjectStore, type PutOptions } from '@keyward/objects';

export interface S3ObjectStoreOptions {
  bucket: string;
  /** In front of every key, without a slash at either end. */
  prefix?: string | undefined;
  /** Left out: what the AWS configuration of the machine says. */
  region?: string | undefined;
  /** Another endpoint than the region's own: MinIO, Ceph, an emulator. Buckets are then named in the path. */
  endpoint?: string | undefined;
  /** Key of AWS KMS that the objects are encrypted with at rest (SSE-KMS). Left out: as the bucket is set up. */
  kmsKeyId?: string | undefined;
}

const CONNECT_TIMEOUT_MS = 1_000;
/** Without a byte. */
const IDLE_TIMEOUT_MS = 10_000;
const ATTEMPTS = 3;
const TOTAL_TIMEOUT_MS = 60_000;
/** Amazon S3 API Reference, DeleteObjects. */
const REMOVED_AT_ONCE = 1_000;

/**
 * Amazon S3, or what speaks its API. The identity comes from the environment in the ways that AWS defines. It needs s3:GetObject,
 * s3:PutObject and s3:DeleteObject on the objects and s3:ListBucket on the bucket: without the latter, S3 answers 403 for an object that
 * is not there. To retain objects it also needs s3:PutObjectRetention, and the bucket Object Lock; without s3:DeleteObject it can't even hide
 * what it retained.
 */
class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;

  constructor(private readonly options: S3ObjectStoreOptions) {
    const { region, endpoint } = options;
    this.#client = new S3Client({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: IDLE_TIMEOUT_MS, throwOnRequestTimeout: true },
    });
  }

  async put(key: string, body: Buffer, contentType: string, { retainUntil }: PutOptions = {}): Promise<void> {
    const { kmsKeyId } = this.options;
    const command = new PutObjectCommand({
      ...this.#at(key),
      Body: body,
      ContentType: contentType,
      ...(kmsKeyId === undefined ? {} : { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKeyId }),
      ...(retainUntil === undefined ? {} : locked(retainUntil)),
    });
    try {
      await this.#client.send(command, bounded());
    } catch (cause) {
      if (retainUntil === undefined || !isTaken(cause)) throw objectsUnavailable(cause);
      if (!(await this.#holds(key, body))) throw objectLocked();
    }
  }

  async get(key: string): Promise<Readable | undefined> {
    const command = new GetObjectCommand(this.#at(key));
    try {
      // In Node.js the SDK gives a stream of Node.js. How long the whole of it takes is for whoever reads it; silence ends it.
      return (await this.#client.send(command)).Body as Readable | undefined;
    } catch (cause) {
      if (cause instanceof NoSuchKey) return undefined;
      throw objectsUnavailable(cause);
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    const objects = keys.map((key) => ({ Key: this.#at(key).Key }));
    for (let from = 0; from < objects.length; from += REMOVED_AT_ONCE) {
      const Delete = { Objects: objects.slice(from, from + REMOVED_AT_ONCE), Quiet: true };
      const answer = await this.#client
        .send(new DeleteObjectsCommand({ Bucket: this.options.bucket, Delete }), bounded())
        .catch(unavailable);
      const [failed] = answer.Errors ?? [];
      if (failed !== undefined) throw objectsUnavailable(new Error(`S3 did not delete an object: ${failed.Code}`));
    }
  }

  async health(): Promise<void> {
    await this.#client.send(new HeadBucketCommand({ Bucket: this.options.bucket }), bounded()).catch(unavailable);
  }

  async close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async #holds(key: string, body: Buffer): Promise<boolean> {
    const found = await this.get(key);
    return found !== undefined && (await buffer(found).catch(unavailable)).equals(body);
  }

  #at(key: string): { Bucket: string; Key: string } {
    assertObjectKey(key);
    const { bucket, prefix } = this.options;
    return { Bucket: bucket, Key: prefix === undefined ? key : `${prefix}/${key}` };
  }
}

/** Object Lock in compliance mode: not even the account's root may shorten it. The bucket must have been made with Object Lock. */
function locked(until: Date): Partial<PutObjectCommandInput> {
  // A second version under the key would hide the first, which is why there must be none.
  return { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: until, IfNoneMatch: '*' };
}

/** 412 PreconditionFailed: something is there. 409 ConditionalRequestConflict: something has just been put there. */
function isTaken(cause: unknown): boolean {
  const { $metadata } = cause as S3ServiceException;
  return cause instanceof S3ServiceException && ($metadata.httpStatusCode === 412 || $metadata.httpStatusCode === 409);
}

function bounded(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(TOTAL_TIMEOUT_MS) };
}

function unavailable(cause: unknown): never {
  throw objectsUnavailable(cause);
}

export function createS3ObjectStore(options: S3ObjectStoreOptions): ObjectStore {
  return new S3ObjectStore(options);
}
