import type { CheckpointSigner } from '@keyward/audit';

/** A JWK (RFC 7517) of a public key. */
type PublicKey = ReturnType<CheckpointSigner['publicJwk']>;

/** The key that signs checkpoints, reached when it is first needed: a KMS that is away at start keeps no event from being stored. */
export class SigningKey {
  #signer: Promise<CheckpointSigner> | undefined;

  /** @param previous public keys that signed before */
  constructor(
    private readonly open: () => Promise<CheckpointSigner>,
    private readonly previous: readonly PublicKey[] = [],
  ) {}

  /** @throws KeywardError `dependency_unavailable`; asked again, it is tried again */
  signer(): Promise<CheckpointSigner> {
    this.#signer ??= this.open().catch((thrown: unknown) => {
      this.#signer = undefined;
      throw thrown;
    });
    return this.#signer;
  }

  /** JWKS (RFC 7517 section 5): the key in use first. */
  async publicKeys(): Promise<{ keys: PublicKey[] }> {
    const current = (await this.signer()).publicJwk();
    return { keys: [current, ...this.previous.filter(({ kid }) => kid !== current.kid)] };
  }
}

/** What anybody may verify with. */
export class PublishedKeys {
  constructor(private readonly key: SigningKey | undefined) {}

  /** @returns undefined where this deployment signs nothing. @throws KeywardError `dependency_unavailable` */
  async all(): Promise<{ keys: PublicKey[] } | undefined> {
    return this.key?.publicKeys();
  }
}
