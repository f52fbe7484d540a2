import { createHash } from 'node:crypto';
import { headers, parseOrThrow, refreshReplySchema, subjects, type RefreshReply, type RefreshRequest } from '@keyward/contracts';
import type { Publisher } from './publisher.js';
import type { ReplyInbox } from './reply-inbox.js';

/**
 * Asks token-refresher for a newer generation and waits for its answer as long as the request says.
 * @throws KeywardError `deadline_exceeded`, `dependency_unavailable`
 */
export async function requestRefresh(
  publisher: Publisher,
  inbox: ReplyInbox,
  provider: string,
  request: RefreshRequest,
): Promise<RefreshReply> {
  const timeoutMs = request.waitMs;
  const expected = inbox.expect(timeoutMs);
  try {
    await publisher.publish(subjects.credentialRefresh(provider), request, {
      // Every asker gets its own answer, so every question counts; who redeems is decided by the lease.
      msgId: createHash('sha256').update(`${request.connection}:${request.newerThan}:${expected.subject}`).digest('base64url'),
      headers: { [headers.replyTo]: expected.subject },
      timeoutMs,
    });
  } catch (error) {
    expected.cancel();
    throw error;
  }
  return parseOrThrow(refreshReplySchema, await expected.reply, 'answer');
}
