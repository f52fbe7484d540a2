import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { KeywardError } from '@keyward/contracts';
import type { EventFilter } from './event-filter.js';

/** The last event of a page: the next page begins with what is older. */
export interface Position {
  /** RFC 3339 UTC with milliseconds. */
  at: string;
  org: string;
  seq: number;
}

/** Where a reading goes on. */
export interface Continuation extends Position {
  /** When the reading was recorded, in ms since 1970. */
  recordedAt: number;
}

const MAC_BYTES = 16;

/**
 * Opaque cursors: position, when the reading was recorded, and a MAC over both, over the filter it was made for and whom, so that none of
 * it can be changed. Whoever shows one has read an earlier page, which is in the trail. Any replica with the same admin token reads them.
 */
export class CursorCodec {
  readonly #key: Buffer;

  constructor(adminToken: string) {
    this.#key = Buffer.from(hkdfSync('sha256', adminToken, '', 'keyward audit cursor v2', 32));
  }

  encode({ at, org, seq, recordedAt }: Continuation, filter: EventFilter, reader: string): string {
    const payload = Buffer.from(JSON.stringify([at, org, seq, recordedAt]));
    return Buffer.concat([this.mac(payload, filter, reader), payload]).toString('base64url');
  }

  /** @throws KeywardError `invalid_request` */
  decode(cursor: string, filter: EventFilter, reader: string): Continuation {
    const bytes = Buffer.from(cursor, 'base64url');
    const payload = bytes.subarray(MAC_BYTES);
    const mac = bytes.subarray(0, MAC_BYTES);
    // The text is compared too: base64url has spellings that decode to the same bytes.
    const genuine =
      mac.length === MAC_BYTES &&
      timingSafeEqual(mac, this.mac(payload, filter, reader)) &&
      bytes.toString('base64url') === cursor;
    if (!genuine) {
      throw new KeywardError('invalid_request', 'The cursor is not one that an earlier page of this query ended with.');
    }
    const [at, org, seq, recordedAt] = JSON.parse(payload.toString()) as [string, string, number, number];
    return { at, org, seq, recordedAt };
  }

  private mac(payload: Buffer, filter: EventFilter, reader: string): Buffer {
    const asked = JSON.stringify([reader, ...Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1))]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(payload.length);
    return createHmac('sha256', this.#key).update(length).update(payload).update(asked).digest().subarray(0, MAC_BYTES);
  }
}
