/**
 * The end of the current turn of the event loop, shared by all who wait for it. What they send then goes to the bus in one write
 * instead of one each: under load, the system calls cost more than everything else that is done for a call.
 */
export class Turn {
  #end: Promise<void> | undefined;

  end(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
