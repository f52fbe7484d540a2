import type { KeyManagement, KmsContext } from '../ports.js';

/**
 * Pairs of different contexts that are the same bytes once somebody joins names and values without lengths: the values alone,
 * values behind plain names (as the KMS emulators join them), or in the other order.
 */
const CONFUSABLE: [KmsContext, KmsContext][] = [
  [
    { org: 'a', purpose: 'bc' },
    { org: 'ab', purpose: 'c' },
  ],
  [
    { org: 'org_1', purpose: '23' },
    { org: 'org_12', purpose: '3' },
  ],
  [
    { org: 'a', purpose: 'b' },
    { org: 'b', purpose: 'a' },
  ],
  [
    { org: 'apurposeb', purpose: 'c' },
    { org: 'a', purpose: 'bpurposec' },
  ],
  [
    { org: 'akeyward-purposeb', purpose: 'c' },
    { org: 'a', purpose: 'bkeyward-purposec' },
  ],
  [
    { org: 'a.b', purpose: 'c' },
    { org: 'a', purpose: 'b.c' },
  ],
  [
    { org: 'A', purpose: 'x' },
    { org: 'a', purpose: 'x' },
  ],
];

/** The first pair of which one context opens what was wrapped for the other; null when the KMS keeps them all apart. */
export async function findConfusedContexts(kms: KeyManagement): Promise<[KmsContext, KmsContext] | null> {
  for (const [one, other] of CONFUSABLE) {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const { wrapped } = await kms.generateDataKey(from);
      const opened = await kms.decrypt(wrapped, to).then(
        () => true,
        () => false,
      );
      if (opened) return [from, to];
    }
  }
  return null;
}
