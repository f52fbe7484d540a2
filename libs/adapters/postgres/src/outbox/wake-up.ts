/** A flag that one loop waits on and anyone may set. Set while nobody waits, it is remembered. */
export class WakeUp {
  private set = false;
  private resolve: (() => void) | undefined;

  notify(): void {
    this.set = true;
    this.resolve?.();
  }

  /** Resolves once notified, or after `timeoutMs`. @returns whether it was notified */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.set) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.resolve = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.resolve = undefined;
    }
    const notified = this.set;
    this.set = false;
    return notified;
  }
}
