import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { CreateBucketCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { objectKey } from '@keyward/objects';
import { describeObjectStore } from '@keyward/objects/testing';
import { testKms, type TestKms } from '@keyward/testing';
import { createS3ObjectStore } from './s3-object-store.js';

const REGION = 'eu-central-1';
process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';

/** The emulator of the KMS tests speaks S3 too, where it is moto. */
const emulator: TestKms | undefined = await testKms();
const isMoto = emulator?.what.startsWith('moto') === true;
afterAll(() => emulator?.stop());

async function bucketOf(name: string): Promise<{ bucket: string; region: string; endpoint: string; client: S3Client }> {
  const endpoint = emulator?.endpoint ?? '';
  const client = new S3Client({ region: REGION, endpoint, forcePathStyle: true });
  const CreateBucketConfiguration = { LocationConstraint: REGION } as const;
  await client.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration, ObjectLockEnabledForBucket: true }));
  return { bucket: name, region: REGION, endpoint, client };
}

(isMoto ? describe : describe.skip)('with an emulator of S3', () => {
  describeObjectStore('S3', async () => {
    const { client, ...options } = await bucketOf('contract');
    const store = createS3ObjectStore(options);
    const stop = async () => {
      await store.close();
      client.destroy();
    };
    return { store, stop };
  });

  it('keeps objects below its prefix, with their type, encrypted by the key that it is given', async () => {
    const { client, ...options } = await bucketOf('prefixed');
    const kmsKeyId = `arn:aws:kms:${REGION}:123456789012:key/11111111-2222-3333-4444-555555555555`;
    const store = createS3ObjectStore({ ...options, prefix: 'keyward/results', kmsKeyId });
    await store.put(objectKey('org_1', 'art_1'), Buffer.from('x'), 'text/csv');
    const found = await client.send(new GetObjectCommand({ Bucket: 'prefixed', Key: 'keyward/results/org_1/art_1' }));
    expect([found.ContentType, found.ServerSideEncryption, found.SSEKMSKeyId]).toEqual(['text/csv', 'aws:kms', kmsKeyId]);
    await found.Body?.transformToByteArray();
    client.destroy();
    await store.close();
  });

  it('locks what is retained in compliance mode, so that nobody can delete that version', async () => {
    const { client, ...options } = await bucketOf('locked');
    const store = createS3ObjectStore(options);
    const at = { Bucket: 'locked', Key: 'checkpoints/org_1/000000000007' };
    const retainUntil = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    await store.put(at.Key, Buffer.from('signed'), 'application/jose', { retainUntil });
    const { ObjectLockMode, ObjectLockRetainUntilDate, VersionId } = await client.send(new HeadObjectCommand(at));
    expect([ObjectLockMode, ObjectLockRetainUntilDate]).toEqual(['COMPLIANCE', retainUntil]);
    await expect(client.send(new DeleteObjectCommand({ ...at, VersionId }))).rejects.toMatchObject({ name: 'AccessDenied' });
    client.destroy();
    await store.close();
  });

  it('says that it is not there, where its bucket is not', async () => {
    const store = createS3ObjectStore({ bucket: 'absent', region: REGION, endpoint: emulator?.endpoint });
    const refusal = { code: 'dependency_unavailable' };
    await expect(store.health()).rejects.toMatchObject(refusal);
    await expect(store.put('art_1', Buffer.from('x'), 'text/plain')).rejects.toMatchObject(refusal);
    await expect(store.get('art_1')).rejects.toMatchObject(refusal);
    await expect(store.remove(['art_1'])).rejects.toMatchObject(refusal);
    await store.close();
  });
});

describe('S3 that is away', () => {
  let endpoint: string;
  beforeAll(async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
  });

  it('is told as what it is', async () => {
    const store = createS3ObjectStore({ bucket: 'any', region: REGION, endpoint });
    await expect(store.health()).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await expect(store.get('art_1')).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await store.close();
  });
});
