import { testKms } from '@keyward/testing';

const REGION = 'eu-central-1';

export interface KeyService {
  keyId: string;
  endpoint: string;
  stop(): Promise<void>;
}

/** A KMS that speaks as AWS does, with a key in it; undefined where none can be had. */
export async function keyService(): Promise<KeyService | undefined> {
  const emulator = await testKms();
  if (emulator === undefined) return undefined;
  // Emulators accept any identity, but the SDK sends nothing without one.
  Object.assign(process.env, { ...identity, AWS_EC2_METADATA_DISABLED: 'true' });
  const { CreateKeyCommand, KMSClient } = await import('@aws-sdk/client-kms');
  const admin = new KMSClient({ region: REGION, endpoint: emulator.endpoint });
  const { KeyMetadata } = await admin.send(new CreateKeyCommand({}));
  return { keyId: KeyMetadata?.Arn ?? '', endpoint: emulator.endpoint, stop: () => emulator.stop() };
}

/** For the environment of a process that is to use it. */
export const identity = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
