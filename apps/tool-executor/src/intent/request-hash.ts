import { createHash } from 'node:crypto';
import { KeywardError, type ExecutionRequested } from '@keyward/contracts';
import canonicalize from 'canonicalize';

/**
 * What makes two requests the same request: SHA-256 over the canonical JSON (RFC 8785) of tool, user, connection and arguments. Key
 * order and number spelling do not matter; time and trace do not count.
 */
export function requestHash({ tool, user, connection, arguments: args }: ExecutionRequested): Buffer {
  let text: string | undefined;
  try {
    text = canonicalize({ tool, user, connection: connection ?? null, arguments: args });
  } catch (cause) {
    throw new KeywardError('invalid_arguments', 'The arguments can’t be written as canonical JSON.', { cause });
  }
  return createHash('sha256')
    .update(text ?? '')
    .digest();
}
