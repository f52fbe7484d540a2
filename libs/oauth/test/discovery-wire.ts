import { KeywardError } from '@keyward/contracts';
import type { DiscoveryWire } from '../src/discovery/wire.js';

export interface TestWire extends DiscoveryWire {
  /** Every URL that was asked for. */
  asked: string[];
}

/**
 * As egress does it: only the origins named, no redirect followed. A public name stands for a server on this machine, and everything
 * else is nowhere.
 */
export function testWire(names: Readonly<Record<string, string>>): TestWire {
  const asked: string[] = [];
  return {
    asked,
    timeoutMs: 5_000,
    fetchFor: (origins) => (url, request) => {
      const { origin, pathname, search } = new URL(url);
      asked.push(url);
      if (!origins.includes(origin)) return Promise.reject(new KeywardError('egress_denied', 'not one of its origins'));
      const at = names[origin];
      if (at === undefined) return Promise.reject(new KeywardError('egress_denied', 'a private address'));
      return fetch(at + pathname + search, request);
    },
  };
}
