import { expect } from '@jest/globals';
import { EgressError, type EgressRequest } from '@keyward/egress';

/** A request of a connector that names no more than its origin. */
export function requestTo(url: string, more: Partial<EgressRequest> = {}): EgressRequest {
  const { origin } = new URL(url);
  const base = { provider: 'acme', origins: [origin], method: 'GET', headers: {}, timeoutMs: 5_000, maxBytes: 100_000 };
  return { ...base, url, ...more };
}

/** What it failed with; a request that succeeds fails the test. */
export async function failureOf(request: Promise<unknown>): Promise<EgressError> {
  const error: unknown = await request.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(EgressError);
  return error as EgressError;
}
