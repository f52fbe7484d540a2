/**
 * What is bound to a wrapped data key as encryption context: a key that was wrapped for one organization and purpose unwraps for
 * no other. See `assertKmsContext` for the characters that are allowed.
 */
export interface KmsContext {
  org: string;
  purpose: string;
}

/** A data key wrapped by a key of the KMS, and which one that was. */
export interface WrappedKey {
  wrapped: Buffer;
  /** The KMS's own name of the wrapping key: for AWS its ARN. Informative; `wrapped` alone is enough to unwrap. */
  kmsKeyId: string;
}

/**
 * Key management. Every method is bounded in time by the adapter and throws KeywardError only: `dependency_unavailable` when the
 * service is away, slow, throttling or its key is not usable now; `internal` when it refuses this wrapped key or context.
 */
export interface KeyManagement {
  /** 32 fresh bytes, plain and wrapped. The caller owns `plaintext` and zeroes it. */
  generateDataKey(context: KmsContext): Promise<WrappedKey & { plaintext: Buffer }>;
  /** The 32 bytes again. The caller owns them and zeroes them. */
  decrypt(wrapped: Buffer, context: KmsContext): Promise<Buffer>;
  /** The same data key under the KMS's current key. The plaintext never leaves the KMS where the KMS can do that. */
  reencrypt(wrapped: Buffer, context: KmsContext): Promise<WrappedKey>;
  /** Resolves when the key could be used now. Never called for liveness. */
  health(): Promise<void>;
}

export const dataKeyStates = ['active', 'decrypt_only', 'destroyed'] as const;
export type DataKeyState = (typeof dataKeyStates)[number];

export interface DataKeyRecord extends WrappedKey {
  /** `dek_` and 32 hex digits. */
  id: string;
  org: string;
  /** At most one key of an organization is `active`; only that one seals. Of a `destroyed` one nothing is left to unwrap. */
  state: DataKeyState;
  createdAt: Date;
}

export type NewDataKey = Pick<DataKeyRecord, 'id' | 'org' | 'wrapped' | 'kmsKeyId' | 'createdAt'>;

/**
 * Where wrapped data keys live. Shared by every process, so each change is one atomic step. Throws KeywardError
 * `dependency_unavailable` when the store can't be reached.
 */
export interface DataKeyStore {
  active(org: string): Promise<DataKeyRecord | null>;
  /** A key of another organization is answered like an absent one. */
  byId(org: string, id: string): Promise<DataKeyRecord | null>;
  /**
   * Makes the key the active one, unless another process was first: then that one's key is the answer.
   * @throws KeywardError `revoked` once a key of the organization was destroyed.
   */
  insertActive(key: NewDataKey): Promise<DataKeyRecord>;
  /**
   * Reserves the right to seal `count` messages under an active key. False when that would exceed `limit` in total over all
   * processes and all time, or the key is no longer active.
   */
  reserveMessages(org: string, id: string, count: number, limit: number): Promise<boolean>;
  /** active → decrypt_only. Repeating it changes nothing. */
  retire(org: string, id: string): Promise<void>;
  /** Every key of the organization that is not destroyed. */
  undestroyed(org: string): Promise<DataKeyRecord[]>;
  /** Compare-and-swap of the wrapped bytes; false when they are no longer `expected`. */
  replaceWrapped(org: string, id: string, expected: Buffer, next: WrappedKey): Promise<boolean>;
  /**
   * Erases the wrapped bytes of all keys of the organization, and leaves a destroyed one where it never had any, so that it gets none.
   * Answers how many were erased by this call.
   */
  destroyAll(org: string): Promise<number>;
  /** Ids of organizations in ascending order, those after `after` (null: from the first). */
  organizations(after: string | null, limit: number): Promise<string[]>;
}

export interface Clock {
  /** Milliseconds since 1970: the age of data keys, which outlives processes. */
  wallMs(): number;
  /** Milliseconds that never step back: the age of what is in memory. */
  monotonicMs(): number;
}

export type VaultOperation = 'seal' | 'open' | 'rotate' | 'rewrap' | 'shred';
export type KmsOperation = 'generate_data_key' | 'decrypt' | 'reencrypt';

/** Counters, fed by plain calls; the host maps them to `vault_operations_total`, `kms_requests_total`, `dek_cache_hits_total`. */
export interface VaultMetrics {
  operation(op: VaultOperation, outcome: 'ok' | 'failed'): void;
  kmsRequest(op: KmsOperation, outcome: 'ok' | 'unavailable' | 'refused'): void;
  dataKeyCacheHit(): void;
}
