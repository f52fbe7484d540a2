import type { KeyManagement } from '@keyward/vault';

export interface LocalKmsOptions {
  /** Path of the key file; its mode must be 0600. */
  keyFile: string;
}

export declare function createLocalKms(options: LocalKmsOptions): KeyManagement;
/** Makes the key file with one fresh key unless it exists. True: it was made now. */
export declare function createKeyFile(keyFile: string): Promise<boolean>;
