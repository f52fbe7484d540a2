import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6, type AddressInfo } from 'node:net';

/** The addresses of a name, of both families, when it is asked for the nth time (from 1) in that family. */
export type Zone = (name: string, nth: number) => readonly string[];

const HEADER_BYTES = 12;
const TYPE = { A: 1, AAAA: 28 } as const;
/** QR, AA, RD, RA (RFC 1035 section 4.1.1). */
const ANSWER_FLAGS = 0x8580;

/** A name server on loopback (RFC 1035, over UDP) that answers as a test says, each time anew: its answers have no time to live. */
export class DnsServer {
  readonly #socket = createSocket('udp4');
  /** Names that were asked for, once for each family. */
  readonly asked: string[] = [];
  /** May be replaced at any time. */
  zone: Zone = () => [];

  /** As `Resolver.setServers` takes it. */
  get address(): string {
    return `127.0.0.1:${(this.#socket.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    this.#socket.on('message', (query, from) => this.#socket.send(this.#answer(query), from.port, from.address));
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
  }

  async stop(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #answer(query: Buffer): Buffer {
    const { name, end } = readName(query);
    const type = query.readUInt16BE(end);
    const asked = `${name} ${type}`;
    this.asked.push(asked);
    const addresses = this.zone(name, this.asked.filter((one) => one === asked).length);
    const records = addresses
      .filter((address) => type === (isIPv6(address) ? TYPE.AAAA : TYPE.A))
      .map((one) => record(type, one));
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt16BE(query.readUInt16BE(0), 0);
    header.writeUInt16BE(ANSWER_FLAGS, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(HEADER_BYTES, end + 4), ...records]);
  }
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += length + 1;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function record(type: number, address: string): Buffer {
  const data = type === TYPE.AAAA ? ipv6Bytes(address) : Buffer.from(address.split('.').map(Number));
  const head = Buffer.alloc(HEADER_BYTES);
  // The name is the one of the question, at offset 12 (RFC 1035 section 4.1.4).
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(0, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function ipv6Bytes(address: string): Buffer {
  // As a URL writes it, it has hexadecimal groups alone.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), index * 2));
  return bytes;
}
