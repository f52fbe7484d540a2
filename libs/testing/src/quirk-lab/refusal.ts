/** The lab does not take a request, and says why. */
export class Refusal extends Error {
  constructor(
    readonly reason: string,
    readonly error: 'invalid_request' | 'invalid_client' | 'invalid_grant' = 'invalid_request',
  ) {
    super(reason);
  }
}

export function demand(holds: boolean, reason: string, error?: Refusal['error']): asserts holds {
  if (!holds) throw new Refusal(reason, error);
}
