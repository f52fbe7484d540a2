import type { ProviderManifest } from '@keyward/connectors';
import { OAuthError } from '@keyward/oauth';
import type { CredentialStore } from '@keyward/postgres-vault';
import type { ProviderLanes } from '../lanes/provider-lanes.js';
import { LeaseTooShort } from '../lanes/refusals.js';
import { msPassed, type Claim } from './claim.js';
import { mayBeSpent, Unsettled, type Doubt } from './decide.js';
import { canBeKnown, isInGrace, isSpentByUse, recover } from './recover.js';
import type { Redeemed, Redeemer } from './redeem.js';
import type { RefreshStep } from './steps.js';

export interface RedeemUnderLeaseParts {
  leaseMs: number;
  redeemTimeoutMs: number;
  /** Unused for longer, a connection sleeps; 0: never. */
  sleepAfterMs: number;
  store: Pick<CredentialStore, 'begin'>;
  lanes: Pick<ProviderLanes, 'run'>;
  redeemer: Pick<Redeemer, 'redeem' | 'probe'>;
}

/** What came of it: the answer, or why there is none and what that says of the refresh token. */
export type Attempted = { redeemed: Redeemed } | { redeemed: undefined; error: unknown; doubt: Doubt };

/**
 * Has the next token while the lease lasts, in the provider's own queue. Sent once; once more, here or after an earlier request that was never
 * answered, only as the provider declares that it may be.
 *
 * @param provider resolved
 */
export function redeemUnderLease(
  parts: RedeemUnderLeaseParts,
  claim: Claim,
  provider: ProviderManifest,
  step: (step: RefreshStep) => Promise<void>,
): Promise<Attempted> {
  return new Redemption(parts, claim, provider, step).run();
}

class Redemption {
  /** When the first request was begun whose answer is not known, on `performance.now()`. */
  #sentAt: number | undefined;

  constructor(
    private readonly parts: RedeemUnderLeaseParts,
    private readonly claim: Claim,
    private readonly provider: ProviderManifest,
    private readonly step: (step: RefreshStep) => Promise<void>,
  ) {
    const { sentMsAgo, readAt } = claim.row;
    if (sentMsAgo !== null) this.#sentAt = readAt - sentMsAgo;
  }

  async run(): Promise<Attempted> {
    const isFirst = this.#sentAt === undefined;
    const attempted = await (isFirst ? this.#attempt(false) : this.#recover());
    if (attempted.redeemed !== undefined || !isFirst || !mayBeSpent(attempted.error)) return attempted;
    // Known already to be taken once more: at once, where that leaves time to store its answer.
    const again = isSpentByUse(this.provider) && this.#isInGrace() && this.#latestSend() > performance.now();
    return again ? this.#recover() : attempted;
  }

  async #recover(): Promise<Attempted> {
    const { provider } = this;
    const unanswered = { provider, sentMsAgo: this.#sentMsAgo(), timeoutMs: this.parts.redeemTimeoutMs };
    try {
      const recovery = await recover({ ...unanswered, settledAfterMs: this.parts.leaseMs, probe: () => this.#probe() });
      switch (recovery.do) {
        case 'send':
          return await this.#sendAgain(recovery.maybeSpent);
        case 'wait':
          return { redeemed: undefined, error: new Unsettled(recovery.ms), doubt: 'open' };
        case 'lost':
          return { redeemed: undefined, error: undefined, doubt: 'lost' };
      }
    } catch (error) {
      // Only a server that could not be asked is asked again; one that gives no usable answer has said all that it will.
      const final = error instanceof OAuthError && error.failure !== 'transient' && error.failure !== 'invalid_client';
      return { redeemed: undefined, error, doubt: final ? 'lost' : this.#doubt() };
    }
  }

  async #sendAgain(maybeSpent: boolean): Promise<Attempted> {
    const attempted = await this.#attempt(maybeSpent);
    if (maybeSpent || attempted.redeemed !== undefined || attempted.doubt === 'none') return attempted;
    // In the store the first request counts. The provider is to have come to this one too before it is asked again.
    return { ...attempted, error: new Unsettled(this.parts.leaseMs, attempted.error) };
  }

  /** @param maybeSpent by an earlier request: a failure of this one takes nothing of that back */
  async #attempt(maybeSpent: boolean): Promise<Attempted> {
    try {
      return { redeemed: await this.#send(maybeSpent) };
    } catch (error) {
      const spent = maybeSpent || (mayBeSpent(error) && isSpentByUse(this.provider));
      return { redeemed: undefined, error, doubt: spent ? this.#doubt() : 'none' };
    }
  }

  #send(maybeSpent: boolean): Promise<Redeemed> {
    const { lanes, redeemer, redeemTimeoutMs: timeoutMs, sleepAfterMs } = this.parts;
    const { row, priority } = this.claim;
    const asleep = priority === 'due' && sleepAfterMs > 0 && msPassed(row, row.unusedMs) > sleepAfterMs;
    return lanes.run(this.provider, { priority, until: this.#latestSend() }, async () => {
      await this.step('turn');
      const onOpened = () => this.step('opened');
      return redeemer.redeem(row, this.provider, { timeoutMs, asleep, onOpened, beforeSend: () => this.#begin(maybeSpent) });
    });
  }

  /** Says in the store that the request is about to be sent; the store says whether it still may be. */
  async #begin(maybeSpent: boolean): Promise<number> {
    const { store, redeemTimeoutMs } = this.parts;
    const { owner, row } = this.claim;
    const { org, connection, generation } = row;
    // That time has passed since this was found out.
    if (maybeSpent && !this.#isInGrace()) throw new LeaseTooShort();
    const askedAt = performance.now();
    const begun = await store.begin({ org, connection, owner, generation, needMs: 2 * redeemTimeoutMs });
    if (!begun) throw new LeaseTooShort();
    this.#sentAt ??= askedAt;
    await this.step('begun');
    return askedAt + redeemTimeoutMs / 2;
  }

  #probe(): Promise<boolean> {
    const { lanes, redeemer, redeemTimeoutMs } = this.parts;
    const { row, priority } = this.claim;
    // Quick, or the lease is too short afterwards to send what is found to be unspent.
    const probe = () => redeemer.probe(row, this.provider, redeemTimeoutMs / 2);
    return lanes.run(this.provider, { priority, until: this.#latestSend() }, probe);
  }

  /** After the request there must be as much time again for storing its answer. */
  #latestSend(): number {
    return this.claim.endsAt - 2 * this.parts.redeemTimeoutMs;
  }

  #sentMsAgo(): number {
    return this.#sentAt === undefined ? 0 : performance.now() - this.#sentAt;
  }

  #isInGrace(): boolean {
    return isInGrace(this.provider, this.#sentMsAgo(), this.parts.redeemTimeoutMs);
  }

  /** Of a token that may be spent. */
  #doubt(): Doubt {
    if (!isSpentByUse(this.provider)) return 'none';
    return canBeKnown(this.provider, this.#sentMsAgo(), this.parts.redeemTimeoutMs) ? 'open' : 'lost';
  }
}
