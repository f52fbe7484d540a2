/**
 * What has become true of a refresh, in this order. `begun`: that the request is about to be sent is stored, and nothing was sent yet.
 * `stored`, `released` and `marked` end it.
 */
export type RefreshStep = 'claimed' | 'turn' | 'opened' | 'begun' | 'answered' | 'sealed' | 'stored' | 'released' | 'marked';

/** Whose refresh took the step; `generation` is the one that is redeemed. */
export interface StepOf {
  org: string;
  connection: string;
  generation: number;
}

/** Called right after the named thing has become true; the refresh goes on once it resolves. */
export type OnStep = (step: RefreshStep, of: StepOf) => void | Promise<void>;
