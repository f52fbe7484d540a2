/** The import can't be made. `next` is what whoever asked for it can do. */
export class ImportError extends Error {
  constructor(
    message: string,
    readonly next: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'ImportError';
  }
}

/** No tool can be made of this operation: the message says why. It is left out, and the rest goes on. */
export class Unfit extends Error {}
