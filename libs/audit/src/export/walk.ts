import { chainHash, GENESIS_HASH, type ChainPosition } from '../chain.js';
import type { CheckpointKeys } from '../checkpoint/keys.js';
import { CheckpointRejected, readCheckpoint } from '../checkpoint/read.js';
import type { CheckpointStatement } from '../checkpoint/statement.js';
import { verifyCheckpoint } from '../checkpoint/verify.js';
import { broken } from './broken.js';
import type { ExportEnd, ExportEvent, ExportHeader } from './lines.js';
import type { Known } from './known.js';
import type { ExportSummary } from './verdict.js';

const START: ChainPosition = { seq: 0, hash: GENESIS_HASH.toString('hex') };

/** Goes through an export line by line, and holds no more than where it is. Everything here throws ExportBroken at the first fault. */
export class ExportWalk {
  readonly from: ChainPosition;
  readonly filtered: boolean;
  private at: ChainPosition;
  private events = 0;
  private checkpoints = 0;
  private proven: ChainPosition | undefined;

  constructor(
    private readonly header: ExportHeader,
    private readonly keys: CheckpointKeys,
    private readonly known: Known,
  ) {
    this.from = header.from ?? START;
    this.filtered = header.filter !== null;
    this.at = this.from;
    if (this.from.seq === 0 && this.from.hash !== START.hash)
      throw broken('malformed_line', 1, 'before seq 1 there is no record to start from');
    this.#compare(1);
  }

  event({ seq, prevHash, hash, event }: ExportEvent, line: number): void {
    this.#inOrder(seq, line);
    if (event['org'] !== this.header.organization)
      throw broken('foreign_organization', line, `seq ${seq} is an event of another organization than the export's`, seq);
    if (seq === this.at.seq + 1 && (!this.filtered || this.events > 0) && prevHash !== this.at.hash)
      throw broken('unchained', line, `seq ${seq} was not made to follow the record before it: one of the two was replaced`, seq);
    if (hashOf(prevHash, event, line, seq) !== hash)
      throw broken('edited', line, `the event of seq ${seq} is not the one that was recorded`, seq);
    this.at = { seq, hash };
    this.events++;
    this.#compare(line);
  }

  async checkpoint(jws: string, line: number): Promise<void> {
    const statement = await this.#read(jws, line);
    const { org, seq, hash } = statement;
    if (org !== this.header.organization)
      throw broken('foreign_organization', line, 'the checkpoint is of another organization', seq);
    if (seq !== this.at.seq) {
      if (this.filtered) return;
      throw seq > this.at.seq
        ? broken(
            'missing',
            line,
            `the checkpoint is of seq ${seq}, but the record before it is seq ${this.at.seq}`,
            this.at.seq + 1,
          )
        : broken('reordered', line, `the checkpoint of seq ${seq} stands behind seq ${this.at.seq}`, seq);
    }
    if (hash !== this.at.hash) throw broken('rewritten', line, this.#rewritten(), seq);
    if (this.keys.size === 0) return;
    this.checkpoints++;
    this.proven = this.at;
  }

  /** @param line that of the end */
  end({ events, head }: ExportEnd, line: number): void {
    if (events !== this.events)
      throw broken('truncated', line, `the end counts ${events} events, and there are ${this.events}`, this.at.seq + 1);
    const last = head ?? START;
    const asStated = this.filtered ? last.seq >= this.at.seq : last.seq === this.at.seq;
    if (!asStated)
      throw broken(
        'truncated',
        line,
        `the end is that of seq ${last.seq}, and the last record is seq ${this.at.seq}`,
        this.at.seq + 1,
      );
    if (last.seq === this.at.seq && last.hash !== this.at.hash)
      throw broken('edited', line, `the end states another hash of seq ${last.seq} than its record`, last.seq);
    const beyond = this.known.beyond(this.filtered ? last : this.at, line);
    if (beyond !== undefined) throw beyond;
    if (!this.filtered && this.keys.size > 0 && this.at.seq > 0 && this.proven?.seq !== this.at.seq) throw this.#unsigned(line);
  }

  summary(): ExportSummary {
    return {
      organization: this.header.organization,
      events: this.events,
      from: this.from,
      head: this.at,
      at: this.header.at,
      filtered: this.filtered,
      checkpoints: this.checkpoints,
      anchors: this.known.anchorsMet,
      ...(this.proven === undefined ? {} : { proven: this.proven }),
    };
  }

  get whole(): boolean {
    return this.proven !== undefined && this.proven.seq === this.at.seq;
  }

  #inOrder(seq: number, line: number): void {
    const expected = this.at.seq + 1;
    if (seq < expected)
      throw broken(
        'repeated',
        line,
        `seq ${seq} stands behind seq ${this.at.seq}: it is there twice, or in the wrong place`,
        seq,
      );
    if (seq > expected && !this.filtered)
      throw broken('missing', line, `seq ${expected} is not there: seq ${seq} follows seq ${this.at.seq}`, expected);
  }

  /** With what is known of this place from elsewhere. */
  #compare(line: number): void {
    if (this.known.meets(this.at, line)) this.proven = this.at;
  }

  async #read(jws: string, line: number): Promise<CheckpointStatement> {
    try {
      return this.keys.size === 0 ? readCheckpoint(jws).statement : await verifyCheckpoint(jws, this.keys);
    } catch (thrown) {
      if (!(thrown instanceof CheckpointRejected)) throw thrown;
      const reason = thrown.fault === 'unknown_key' ? 'unknown_key' : 'forged_checkpoint';
      throw broken(reason, line, `the checkpoint is not taken: ${thrown.message}`, this.at.seq);
    }
  }

  #rewritten(): string {
    const since = this.proven === undefined || this.proven.seq === this.at.seq ? this.from.seq : this.proven.seq;
    return `seq ${this.at.seq} is not the record that was signed: a record between seq ${since + 1} and seq ${this.at.seq} was changed, and every later one made anew`;
  }

  #unsigned(line: number): Error {
    const upTo = this.proven === undefined ? 'no record is signed' : `what is signed ends at seq ${this.proven.seq}`;
    const seq = (this.proven?.seq ?? this.from.seq) + 1;
    return broken(
      'unsigned_end',
      line,
      `${upTo}, and the export goes on to seq ${this.at.seq}: its true end was cut off, or rows were added`,
      seq,
    );
  }
}

function hashOf(prevHash: string, event: Record<string, unknown>, line: number, seq: number): string {
  try {
    return chainHash(Buffer.from(prevHash, 'hex'), event).toString('hex');
  } catch {
    throw broken('malformed_line', line, `the event of seq ${seq} has no canonical form (RFC 8785)`, seq);
  }
}
