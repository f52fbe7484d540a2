import { KeywardError } from '@keyward/contracts';

/** What a server says of itself is not acceptable. `why` is ours: nothing of what it sent is quoted. */
export function refused(why: string, cause?: unknown): KeywardError {
  const text = `What the server says about how to authorize is not accepted: ${why}.`;
  return new KeywardError('provider_error', text, cause === undefined ? {} : { cause });
}

export function unavailable(cause?: unknown): KeywardError {
  const text = 'The server that says how to authorize is not answering properly at the moment; it can be tried again.';
  return new KeywardError('provider_unavailable', text, cause === undefined ? {} : { cause });
}
