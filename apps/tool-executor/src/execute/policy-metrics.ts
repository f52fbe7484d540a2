import { Counter, Histogram, type Registry } from 'prom-client';

const DECISION_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

/**
 * Runs the check and counts what it says.
 * @param askedAt when the grant was asked for, by performance.now()
 * @throws what the check does
 */
export type Decide = (askedAt: number, check: () => void) => void;

export function policyMetrics(registry: Registry): Decide {
  const decisions = new Counter({
    name: 'policy_decisions_total',
    help: 'Whether an agent may call a tool',
    labelNames: ['decision'],
    registers: [registry],
  });
  for (const decision of ['allow', 'deny']) decisions.inc({ decision }, 0);
  const seconds = new Histogram({
    name: 'policy_decision_duration_seconds',
    help: 'From asking for the assignment and the connection to the decision',
    buckets: DECISION_SECONDS,
    registers: [registry],
  });
  return (askedAt, check) => {
    let decision = 'deny';
    try {
      check();
      decision = 'allow';
    } finally {
      decisions.inc({ decision });
      seconds.observe((performance.now() - askedAt) / 1000);
    }
  };
}
