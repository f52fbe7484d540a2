/** What is to happen, earliest first: a binary heap in typed arrays, which grow. Of two events at the same time either may be first. */
export class EventQueue {
  #times = new Float64Array(1024);
  #kinds = new Uint8Array(1024);
  #jobs = new Int32Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Of the earliest; Infinity where there is none. */
  get nextAt(): number {
    return this.#size === 0 ? Infinity : (this.#times[0] as number);
  }

  push(time: number, kind: number, job: number): void {
    if (this.#size === this.#times.length) this.#grow();
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#times[parent] as number) <= time) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, time, kind, job);
  }

  /** Takes the earliest out. Only where there is one. */
  pop(): { time: number; kind: number; job: number } {
    const first = { time: this.#times[0] as number, kind: this.#kinds[0] as number, job: this.#jobs[0] as number };
    const last = --this.#size;
    const [time, kind, job] = [this.#times[last] as number, this.#kinds[last] as number, this.#jobs[last] as number];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && (this.#times[child + 1] as number) < (this.#times[child] as number)) child++;
      if ((this.#times[child] as number) >= time) break;
      this.#move(child, at);
      at = child;
    }
    this.#set(at, time, kind, job);
    return first;
  }

  #set(at: number, time: number, kind: number, job: number): void {
    this.#times[at] = time;
    this.#kinds[at] = kind;
    this.#jobs[at] = job;
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#times[from] as number, this.#kinds[from] as number, this.#jobs[from] as number);
  }

  #grow(): void {
    const length = this.#times.length * 2;
    const [times, kinds, jobs] = [new Float64Array(length), new Uint8Array(length), new Int32Array(length)];
    times.set(this.#times);
    kinds.set(this.#kinds);
    jobs.set(this.#jobs);
    [this.#times, this.#kinds, this.#jobs] = [times, kinds, jobs];
  }
}
