import {
  headers as names,
  KeywardError,
  streams,
  subjects,
  type DeadLetterDetail,
  type DeadLetterSummary,
  type SettledDeadLetter,
} from '@keyward/contracts';
import { enqueue, withOrg } from '@keyward/postgres';
import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import { headers as createHeaders, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { auditMessage, type Actor } from '../records/record.js';
import { explain } from './explain.js';
import { readLetter, summaryOf, type StoredLetter } from './letter.js';

const PAGE = 50;
/** Set anew by whoever publishes, or by nats-server itself. */
const NOT_REPEATED = /^nats-/i;

export interface DeadLettersOptions {
  nats: NatsConnection;
  dataSource: DataSource;
  logger: Logger;
}

/** Messages that were given up, for the operator: what they are, and what becomes of them. All throw KeywardError `dependency_unavailable`. */
export class DeadLetters {
  constructor(private readonly options: DeadLettersOptions) {}

  /** Oldest first. @param stream only those that were given up there. @param after the id with which the page before ended */
  async list(
    stream: string | undefined,
    after: number,
  ): Promise<{ deadLetters: DeadLetterSummary[]; nextCursor: string | null }> {
    const subject = stream === undefined ? subjects.deadLetterAll : subjects.deadLetter(stream);
    const found: StoredLetter[] = [];
    await this.#asking(async (jsm) => {
      for (let seq = after + 1; found.length <= PAGE;) {
        const message = await getMessage(jsm, { seq, next_by_subj: subject });
        if (message === undefined) return;
        const letter = this.#read(message);
        if (letter !== undefined) found.push(letter);
        seq = message.seq + 1;
      }
    });
    const page = found.slice(0, PAGE);
    const last = found.length > PAGE ? page.at(-1) : undefined;
    return { deadLetters: page.map(summaryOf), nextCursor: last === undefined ? null : String(last.id) };
  }

  /** @throws KeywardError `not_found` */
  async get(id: number): Promise<DeadLetterDetail> {
    const stored = await this.#find(id);
    const { letter, message } = stored;
    return { ...summaryOf(stored), explanation: explain(stored), headers: letter.headers, message };
  }

  /**
   * Puts the message back where it came from, and removes the letter once it is there. Asked for twice at once, the bus takes it once.
   * @throws KeywardError `not_found`
   */
  async replay(id: number, actor: Actor): Promise<SettledDeadLetter> {
    const stored = await this.#find(id);
    const { subject, headers, data } = stored.letter;
    await this.#asking(() =>
      jetstream(this.options.nats).publish(subject, Buffer.from(data, 'base64'), {
        headers: replayHeaders(id, headers),
        msgID: `dead-letter:${id}:${stored.letter.failedAt}`,
      }),
    );
    await this.#settle(stored, 'replayed', actor);
    return settled(stored, 'replayed');
  }

  /** @throws KeywardError `not_found` */
  async discard(id: number, actor: Actor): Promise<SettledDeadLetter> {
    const stored = await this.#find(id);
    await this.#settle(stored, 'discarded', actor);
    return settled(stored, 'discarded');
  }

  /** On record first: that a message was put back, or thrown away, must not be lost with the process. */
  async #settle(stored: StoredLetter, outcome: SettledDeadLetter['outcome'], actor: Actor): Promise<void> {
    const { id, letter, organization } = stored;
    const fields = { letter: id, stream: letter.stream, subject: letter.subject, actor: actor.id };
    this.options.logger.warn(fields, `a dead letter is ${outcome}`);
    if (organization !== null) {
      const reason = `${letter.stream} ${id}: ${letter.reason}`.slice(0, 500);
      const event = auditMessage({ type: `dead_letter.${outcome}`, org: organization, actor, errorCode: letter.code, reason });
      await withOrg(this.options.dataSource, organization, (em) => enqueue(em, event));
    }
    await this.#asking((jsm) => remove(jsm, id));
  }

  async #find(id: number): Promise<StoredLetter> {
    const message = await this.#asking((jsm) => getMessage(jsm, { seq: id }));
    const letter = message === undefined ? undefined : this.#read(message);
    if (letter === undefined) throw new KeywardError('not_found', 'There is no dead letter with this id.');
    return letter;
  }

  #read(message: StoredMsg): StoredLetter | undefined {
    try {
      return readLetter(message.seq, message.json());
    } catch (error) {
      this.options.logger.error({ err: error, letter: message.seq }, 'a dead letter can not be read');
      return undefined;
    }
  }

  async #asking<T>(ask: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
    try {
      return await ask(await jetstreamManager(this.options.nats, { checkAPI: false }));
    } catch (cause) {
      if (cause instanceof KeywardError) throw cause;
      throw new KeywardError('dependency_unavailable', 'The bus does not answer at the moment.', { cause });
    }
  }
}

async function getMessage(
  jsm: JetStreamManager,
  query: { seq: number } | { seq: number; next_by_subj: string },
): Promise<StoredMsg | undefined> {
  try {
    return (await jsm.streams.getMessage(streams.deadLetters, query)) ?? undefined;
  } catch (error) {
    return ifGone(error);
  }
}

/** Somebody else may have been faster: nats-server has no code of its own for that. */
async function remove(jsm: JetStreamManager, seq: number): Promise<void> {
  try {
    await jsm.streams.deleteMessage(streams.deadLetters, seq);
  } catch (error) {
    if ((await getMessage(jsm, { seq })) !== undefined) throw error;
  }
}

function ifGone(error: unknown): undefined {
  if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.NoMessageFound) return undefined;
  throw error;
}

/** As they were, and that it was given up; but for where an answer was wanted: whoever wanted it has left. */
function replayHeaders(id: number, headers: StoredLetter['letter']['headers']): MsgHdrs {
  const original = createHeaders();
  for (const [name, values] of Object.entries(headers)) {
    if (NOT_REPEATED.test(name) || name === names.replyTo || name === names.replayed) continue;
    for (const value of values) original.append(name, value);
  }
  original.set(names.replayed, String(id));
  return original;
}

function settled({ id, letter }: StoredLetter, outcome: SettledDeadLetter['outcome']): SettledDeadLetter {
  return { id, outcome, stream: letter.stream, subject: letter.subject };
}
