import { Worker } from 'node:worker_threads';
import { ExpressionError, type Bindings, type Expression } from './expression.js';
import type { Answered, Asked } from './worker-messages.js';

/** Of one evaluation, from the moment it is the worker's turn. Expressions end themselves long before, except inside of a function. */
const KILLED_AFTER_MS = 3_000;
const STARTS_WITHIN_MS = 30_000;
const MAX_WAITING = 1_000;
const LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

/** Run from source, the worker is source as well: Node drops the types, and is told where `./x.js` is. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');
const HOOK = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => next(/^\\.\\.?\\/.*\\.js$/.test(name) && context.parentURL?.endsWith('.ts') ? name.replace(/\\.js$/, '.ts') : name, context) });`;
const ENTRY = new URL(FROM_SOURCE ? './worker.ts' : './worker.js', import.meta.url);
const EXEC_ARGV = FROM_SOURCE ? ['--no-warnings', '--import', `data:text/javascript,${encodeURIComponent(HOOK)}`] : [];

interface Job extends Asked {
  readonly resolve: (values: unknown[]) => void;
  readonly reject: (error: ExpressionError) => void;
}

/**
 * Evaluates expressions of strangers on a thread of their own, one at a time: what takes too long or too much memory ends with the
 * thread, and the next one begins on a new one. Nothing of this process is within its reach but what it is given.
 */
export class ApartEvaluator {
  #worker: Worker | undefined;
  #isReady = false;
  #current: Job | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: Job[] = [];
  #lastId = 0;

  compile(text: string): Expression {
    return { evaluate: (contexts, bindings) => this.#evaluate(text, contexts, bindings) };
  }

  #evaluate(text: string, contexts: readonly unknown[], bindings: Bindings): Promise<unknown[]> {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new ExpressionError('has to wait behind too many others'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id: ++this.#lastId, text, contexts, bindings, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const worker = (this.#worker ??= this.#start());
    if (!this.#isReady) return;
    const job = this.#waiting.shift();
    this.#current = job;
    if (job === undefined) {
      // An idle thread keeps no process alive.
      worker.unref();
      return;
    }
    worker.ref();
    const { id, text, contexts, bindings } = job;
    this.#timer = setTimeout(() => this.#end(worker, 'takes too long'), KILLED_AFTER_MS);
    worker.postMessage({ id, text, contexts, bindings } satisfies Asked);
  }

  #start(): Worker {
    this.#isReady = false;
    const worker = new Worker(ENTRY, { resourceLimits: LIMITS, execArgv: EXEC_ARGV, env: {}, stdin: false });
    this.#timer = setTimeout(() => this.#end(worker, 'can not be evaluated: its thread does not start'), STARTS_WITHIN_MS);
    worker.on('message', (message: 'ready' | Answered) => this.#heard(worker, message));
    worker.on('error', () => this.#end(worker, 'takes too much memory'));
    worker.on('exit', () => this.#end(worker, 'can not be evaluated: its thread ended'));
    return worker;
  }

  #heard(worker: Worker, message: 'ready' | Answered): void {
    if (worker !== this.#worker) return;
    clearTimeout(this.#timer);
    if (message === 'ready') this.#isReady = true;
    else if (message.id === this.#current?.id) {
      if ('values' in message) this.#current.resolve(message.values);
      else this.#current.reject(new ExpressionError(message.problem));
      this.#current = undefined;
    }
    this.#next();
  }

  /** Whoever waits goes on with the next thread; where none starts at all, the first of them ends each time. */
  #end(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    clearTimeout(this.#timer);
    this.#worker = undefined;
    void worker.terminate();
    const ended = this.#isReady ? this.#current : this.#waiting.shift();
    this.#isReady = false;
    this.#current = undefined;
    ended?.reject(new ExpressionError(reason));
    if (this.#waiting.length > 0) this.#next();
  }
}
