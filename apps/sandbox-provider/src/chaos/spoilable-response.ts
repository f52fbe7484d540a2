import { ServerResponse } from 'node:http';

/** How an answer that is ready goes out instead. */
export type Spoiler = (answer: Answer) => void;

export interface Answer {
  /** What was to be sent last, mostly all of it. */
  readonly body: Buffer;
  /** Sends this in addition to what has been sent; calls back once it is with the network. */
  write(piece: Buffer, onSent?: () => void): void;
  /** Sends this as the end of the answer. */
  end(piece: Buffer): void;
  /** Sends another answer in its place. */
  replace(status: number, headers: Record<string, string>, body: string): void;
}

/** An answer whose end may be made to go wrong, after whatever stands behind it was done. */
export class SpoilableResponse extends ServerResponse {
  spoiler: { spoil: Spoiler; replaces: boolean } | undefined;

  // An answer that another one takes the place of has said nothing yet.
  override writeHead(status: number, ...rest: unknown[]): this {
    return this.spoiler?.replaces ? this : super.writeHead(status, ...(rest as []));
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    return this.spoiler?.replaces ? true : super.write(chunk, ...(rest as []));
  }

  override end(...args: unknown[]): this {
    if (this.spoiler === undefined) return super.end(...(args as []));
    const { spoil } = this.spoiler;
    const [body] = args;
    this.spoiler = undefined;
    spoil({
      body: typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body as string) : Buffer.alloc(0),
      write: (piece, onSent) => void super.write(piece, () => onSent?.()),
      end: (piece) => void super.end(piece),
      replace: (status, headers, text) => {
        for (const name of this.getHeaderNames()) this.removeHeader(name);
        super.writeHead(status, headers);
        super.end(text);
      },
    });
    return this;
  }
}
