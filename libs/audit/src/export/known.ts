import type { ChainPosition } from '../chain.js';
import { CheckpointRejected, readCheckpoint } from '../checkpoint/read.js';
import type { CheckpointKeys } from '../checkpoint/keys.js';
import type { CheckpointStatement } from '../checkpoint/statement.js';
import { verifyCheckpoint } from '../checkpoint/verify.js';
import { broken, type ExportBroken } from './broken.js';

/** A checkpoint that was kept somewhere else, such as in object storage with a retention lock. */
export interface Anchor {
  /** Names it in a finding. */
  name: string;
  /** Compact JWS. */
  jws: string;
}

/** A place of the chain that is known from elsewhere. */
interface KnownPosition extends ChainPosition {
  what: string;
  /** Whether agreeing with it proves anything: an anchor whose signature nobody looked at does not. */
  proves: boolean;
}

const EXPECTED_HEAD = 'the expected head';

/** What is known of an organization's chain without the export. */
export class Known {
  private readonly bySeq = new Map<number, KnownPosition>();
  private last: KnownPosition | undefined;
  /** Of the anchors, how many were compared and agreed. */
  anchorsMet = 0;

  private constructor(positions: readonly KnownPosition[]) {
    for (const position of positions) this.#add(position);
    this.last = positions.reduce<KnownPosition | undefined>((a, b) => (a === undefined || b.seq > a.seq ? b : a), undefined);
  }

  /** @throws ExportBroken where an anchor is not sound, or two contradict each other */
  static async of(
    organization: string,
    { anchors, expectedHead }: { anchors: readonly Anchor[]; expectedHead: ChainPosition | undefined },
    keys: CheckpointKeys,
  ): Promise<Known> {
    const positions: KnownPosition[] = [];
    for (const { name, jws } of anchors) {
      const { org, seq, hash } = await read(name, jws, keys);
      if (org === organization) positions.push({ seq, hash, what: name, proves: keys.size > 0 });
    }
    if (expectedHead !== undefined) positions.push({ ...expectedHead, what: EXPECTED_HEAD, proves: true });
    return new Known(positions);
  }

  #add(position: KnownPosition): void {
    const { seq, hash, what } = position;
    const other = this.bySeq.get(seq);
    if (other !== undefined && other.hash !== hash)
      throw broken('rewritten', 0, `${what} and ${other.what} state two different hashes of seq ${seq}`, seq);
    this.bySeq.set(seq, position);
  }

  /** Whether the position is proven by what is known. @throws ExportBroken `rewritten` where it is known to be another */
  meets(at: ChainPosition, line: number): boolean {
    const known = this.bySeq.get(at.seq);
    if (known === undefined) return false;
    if (known.hash !== at.hash)
      throw broken(
        'rewritten',
        line,
        `seq ${at.seq} is not the record that ${known.what} states: it, or one before it, was made anew`,
        at.seq,
      );
    if (known.what !== EXPECTED_HEAD) this.anchorsMet++;
    return known.proves;
  }

  /** @returns what is wrong where the trail is known to be longer than the export */
  beyond(head: ChainPosition, line: number): ExportBroken | undefined {
    if (this.last === undefined || this.last.seq <= head.seq) return undefined;
    const { what, seq } = this.last;
    return broken(
      'rolled_back',
      line,
      `${what} states that the trail had ${seq} records; this export ends at seq ${head.seq}`,
      head.seq + 1,
    );
  }
}

/** Without keys an anchor is believed for where it was kept. */
async function read(name: string, jws: string, keys: CheckpointKeys): Promise<CheckpointStatement> {
  try {
    return keys.size === 0 ? readCheckpoint(jws).statement : await verifyCheckpoint(jws, keys);
  } catch (thrown) {
    if (!(thrown instanceof CheckpointRejected)) throw thrown;
    throw broken(thrown.fault === 'unknown_key' ? 'unknown_key' : 'forged_checkpoint', 0, `${name}: ${thrown.message}`);
  }
}
