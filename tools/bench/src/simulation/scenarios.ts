import type { Scenario } from './model.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Hourly tokens of 90 providers, at the manifest's defaults for margin and jitter, in the middle of their lives. */
const HOURLY: Omit<Scenario, 'name' | 'tokens' | 'seed' | 'untilMs'> = {
  lifetimeMs: HOUR_MS,
  margin: 0.2,
  jitter: 0.25,
  providers: 90,
  sizes: 'zipf',
  obtained: 'spread',
};

export interface Question {
  scenario: Omit<Scenario, 'tokens' | 'seed'>;
  asks: string;
}

/** What operators ask, each with the scenario that answers it. */
export const QUESTIONS: readonly Question[] = [
  { asks: 'an ordinary hour', scenario: { ...HOURLY, name: 'steady', untilMs: HOUR_MS } },
  {
    asks: 'nobody refreshes for an hour',
    scenario: {
      ...HOURLY,
      name: 'downtime',
      downtime: { fromMs: 10 * MINUTE_MS, untilMs: 70 * MINUTE_MS },
      untilMs: 3 * HOUR_MS,
    },
  },
  {
    asks: 'all tokens obtained within five minutes, with jitter, four hours on',
    scenario: { ...HOURLY, name: 'bunched', obtained: { withinMs: 5 * MINUTE_MS }, untilMs: 4 * HOUR_MS },
  },
  {
    asks: 'the same without jitter',
    scenario: { ...HOURLY, name: 'bunched-no-jitter', jitter: 0, obtained: { withinMs: 5 * MINUTE_MS }, untilMs: 4 * HOUR_MS },
  },
  {
    asks: 'the largest provider does not answer for half an hour',
    scenario: { ...HOURLY, name: 'outage', outage: { fromMs: 10 * MINUTE_MS, untilMs: 40 * MINUTE_MS }, untilMs: 1.5 * HOUR_MS },
  },
  {
    asks: 'one provider has them all and takes 2,000 token requests per second',
    scenario: { ...HOURLY, name: 'limit', providers: 1, limitPerSecond: 2000, untilMs: 3 * HOUR_MS },
  },
  {
    asks: 'the largest of 90 providers takes 2,000 per second, after an hour of downtime',
    scenario: {
      ...{ ...HOURLY, name: 'limit-downtime', limitPerSecond: 2000, untilMs: 3 * HOUR_MS },
      downtime: { fromMs: 10 * MINUTE_MS, untilMs: 70 * MINUTE_MS },
    },
  },
];
