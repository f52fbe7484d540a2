import { CreateKeyCommand, DisableKeyCommand, KMSClient, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { describeKeyManagement } from '@keyward/vault/testing';
import { testKms } from '@keyward/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createAwsKms } from './index.js';

// Emulators accept any identity, but the SDK sends nothing without one.
Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_EC2_METADATA_DISABLED: 'true' });

const REGION = 'eu-central-1';
const CONTEXT = { org: 'org_01', purpose: 'data-key' };

const emulator = await testKms();
const endpoint = emulator?.endpoint ?? '';
const admin = new KMSClient({ region: REGION, endpoint });

async function newKey(): Promise<{ id: string; arn: string }> {
  const { KeyMetadata } = await admin.send(new CreateKeyCommand({}));
  return { id: KeyMetadata?.KeyId ?? '', arn: KeyMetadata?.Arn ?? '' };
}

(emulator === undefined ? describe.skip : describe)(`AWS KMS, on ${emulator?.what ?? 'no emulator'}`, () => {
  afterAll(() => emulator?.stop());

  describeKeyManagement('The AWS adapter', async () => ({
    kms: createAwsKms({ keyId: (await newKey()).arn, region: REGION, endpoint }),
    rotate: async () => createAwsKms({ keyId: (await newKey()).arn, region: REGION, endpoint }),
  }));

  it('finds the region in the ARN of the key', async () => {
    const kms = createAwsKms({ keyId: (await newKey()).arn, endpoint });
    const { wrapped, plaintext } = await kms.generateDataKey(CONTEXT);
    expect((await kms.decrypt(wrapped, CONTEXT)).equals(plaintext)).toBe(true);
  });

  it.each([
    ['disabled', (KeyId: string) => admin.send(new DisableKeyCommand({ KeyId }))],
    ['about to be deleted', (KeyId: string) => admin.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))],
  ])('is unavailable, and not well, while its key is %s', async (_state, change) => {
    const { id } = await newKey();
    const kms = createAwsKms({ keyId: id, region: REGION, endpoint });
    await kms.health();
    await change(id);
    await expect(kms.health()).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('is unavailable where its key does not exist', async () => {
    const kms = createAwsKms({ keyId: '00000000-0000-0000-0000-000000000000', region: REGION, endpoint });
    await expect(kms.generateDataKey(CONTEXT)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await expect(kms.health()).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });
});
