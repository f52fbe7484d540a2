import type { KeyManagement } from '@keyward/vault';

export interface AwsKmsOptions {
  /** Key id, ARN or alias of a symmetric key. */
  keyId: string;
  region?: string;
  /** Another endpoint than the region's own: an emulator or a VPC endpoint. */
  endpoint?: string;
}

export declare function createAwsKms(options: AwsKmsOptions): KeyManagement;
