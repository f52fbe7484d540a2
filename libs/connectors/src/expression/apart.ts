import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ExpressionError, type Bindings, type Expression } from './expression.js';
import type { Answered, Asked } from './apart-messages.js';

/** Of one evaluation, from the moment it is its turn. Expressions end themselves long before, except inside of a function. */
const KILLED_AFTER_MS = 3_000;
const STARTS_WITHIN_MS = 30_000;
const MAX_WAITING = 1_000;

/** Run from source, the process is source as well: Node drops the types, and is told where `./x.js` is. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');
const HOOK = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => next(/^\\.\\.?\\/.*\\.js$/.test(name) && context.parentURL?.endsWith('.ts') ? name.replace(/\\.js$/, '.ts') : name, context) });`;
const ENTRY = fileURLToPath(new URL(FROM_SOURCE ? './apart-process.ts' : './apart-process.js', import.meta.url));
/** It may read its own code; it writes nothing, starts nothing, and has no more memory than this. */
const EXEC_ARGV = ['--max-old-space-size=96', '--permission', '--allow-fs-read=*', '--no-warnings'];
const SOURCE_ARGV = FROM_SOURCE ? ['--import', `data:text/javascript,${encodeURIComponent(HOOK)}`] : [];

interface Job extends Asked {
  readonly resolve: (values: unknown[]) => void;
  readonly reject: (error: ExpressionError) => void;
}

/**
 * Evaluates expressions of strangers in a process of its own, one at a time: what takes too long or too much memory ends with that
 * process, and the next one begins in a new one. A thread would not do: one allocation that is too large ends all threads of a process.
 * It has no environment, no connection, and sees nothing but what it is given.
 */
export class ApartEvaluator {
  #process: ChildProcess | undefined;
  #isReady = false;
  #current: Job | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: Job[] = [];
  #lastId = 0;

  constructor(private readonly killedAfterMs = KILLED_AFTER_MS) {}

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
    const child = (this.#process ??= this.#start());
    if (!this.#isReady) return;
    const job = this.#waiting.shift();
    this.#current = job;
    holdsUs(child, job !== undefined);
    if (job === undefined) return;
    const { id, text, contexts, bindings } = job;
    this.#timer = setTimeout(() => this.#end(child, 'takes too long'), this.killedAfterMs);
    child.send({ id, text, contexts, bindings } satisfies Asked);
  }

  #start(): ChildProcess {
    this.#isReady = false;
    const child = fork(ENTRY, {
      execArgv: [...EXEC_ARGV, ...SOURCE_ARGV],
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    this.#timer = setTimeout(() => this.#end(child, 'can not be evaluated: its process does not start'), STARTS_WITHIN_MS);
    child.on('message', (message: 'ready' | Answered) => this.#heard(child, message));
    child.on('error', () => this.#end(child, 'can not be evaluated: its process can not be reached'));
    child.on('exit', () => this.#end(child, this.#isReady ? 'takes too much memory' : 'can not be evaluated: its process ended'));
    return child;
  }

  #heard(child: ChildProcess, message: 'ready' | Answered): void {
    if (child !== this.#process) return;
    clearTimeout(this.#timer);
    if (message === 'ready') this.#isReady = true;
    else if (message.id === this.#current?.id) {
      if ('values' in message) this.#current.resolve(message.values);
      else this.#current.reject(new ExpressionError(message.problem));
      this.#current = undefined;
    }
    this.#next();
  }

  /** Whoever waits goes on in the next process; where none starts at all, the first of them ends each time. */
  #end(child: ChildProcess, reason: string): void {
    if (child !== this.#process) return;
    clearTimeout(this.#timer);
    this.#process = undefined;
    child.kill('SIGKILL');
    const ended = this.#isReady ? this.#current : this.#waiting.shift();
    this.#isReady = false;
    this.#current = undefined;
    ended?.reject(new ExpressionError(reason));
    if (this.#waiting.length > 0) this.#next();
  }
}

/** An idle process keeps this one from nothing. */
function holdsUs(child: ChildProcess, holds: boolean): void {
  if (holds) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}
