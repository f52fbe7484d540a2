import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CheckApart } from '../tool/compile-arguments.js';
import type { ArgumentProblem } from '../tool/schema-check.js';
import type { Answered, Asked, Work } from './apart-messages.js';
import { ExpressionError, type Evaluator } from './expression.js';
import { FairQueue } from './fair-queue.js';

/** Of one evaluation, from the moment it is its turn. Expressions end themselves long before, except inside of a function. */
const KILLED_AFTER_MS = 3_000;
const STARTS_WITHIN_MS = 30_000;
const MAX_WAITING = 1_000;

/** Run from source, the process is source as well: Node drops the types, and is told where `./x.js` is. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');
const HOOK = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => next(/^\\.\\.?\\/.*\\.js$/.test(name) && context.parentURL?.endsWith('.ts') ? name.replace(/\\.js$/, '.ts') : name, context) });`;
const ENTRY = fileURLToPath(new URL(FROM_SOURCE ? './apart-process.ts' : './apart-process.js', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const JSONATA = createRequire(import.meta.url).resolve('jsonata');
const PACKAGES = JSONATA.slice(0, JSONATA.lastIndexOf(join('node_modules', 'jsonata')) + 'node_modules'.length);
/**
 * It may read its own code, and not what the system tells of the process it is evaluated for; it writes nothing, starts nothing, and has no
 * more memory than this.
 */
export const EXEC_ARGV: readonly string[] = [
  ...['--max-old-space-size=96', '--permission', '--no-warnings'],
  ...[PACKAGE, PACKAGES].map((folder) => `--allow-fs-read=${folder}`),
];
const SOURCE_ARGV = FROM_SOURCE ? ['--import', `data:text/javascript,${encodeURIComponent(HOOK)}`] : [];

interface Job {
  readonly asked: Asked;
  readonly resolve: (values: readonly unknown[]) => void;
  readonly reject: (error: ExpressionError) => void;
}

/** What is done apart for one owner. */
export interface Apart {
  readonly evaluator: Evaluator;
  readonly check: CheckApart;
}

/**
 * Evaluates expressions of strangers, and checks arguments by their schemas, in a process of its own, one at a time: what takes too long or
 * too much memory ends with that process, and the next one begins in a new one. A thread would not do: one allocation that is too large
 * ends all threads of a process. It has no environment, no connection, and sees nothing but what it is given.
 */
export class ApartEvaluator {
  #process: ChildProcess | undefined;
  #isReady = false;
  #current: Job | undefined;
  #took: ((ms: number) => void) | undefined;
  #began = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting = new FairQueue<Job>();
  #lastId = 0;

  constructor(private readonly killedAfterMs = KILLED_AFTER_MS) {}

  /** Owners have their turns by themselves: what one of them has waiting does not keep the others. */
  of(owner: string): Apart {
    return {
      evaluator: (text) => ({
        evaluate: async (contexts, bindings) => [...(await this.#do(owner, { text, contexts, bindings }))],
      }),
      check: (schema) => {
        const text = JSON.stringify(schema);
        return async (args) => (await this.#do(owner, { schema: text, args })) as ArgumentProblem[];
      },
    };
  }

  #do(owner: string, work: Work): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(owner, { asked: { id: ++this.#lastId, ...work }, resolve, reject });
      if (this.#waiting.size > MAX_WAITING)
        this.#waiting.dropFromLongest()?.reject(new ExpressionError('has to wait behind too many others'));
      this.#next();
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const child = (this.#process ??= this.#start());
    if (!this.#isReady) return;
    const next = this.#waiting.take();
    this.#current = next?.job;
    holdsUs(child, next !== undefined);
    if (next === undefined) return;
    this.#took = next.took;
    this.#began = performance.now();
    this.#timer = setTimeout(() => this.#end(child, 'takes too long'), this.killedAfterMs);
    child.send(next.job.asked);
  }

  /** The job that was begun, which has ended one way or the other. */
  #ended(): Job | undefined {
    const job = this.#current;
    this.#current = undefined;
    this.#took?.(performance.now() - this.#began);
    this.#took = undefined;
    return job;
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
    else if (message.id === this.#current?.asked.id) {
      const job = this.#ended();
      if ('values' in message) job?.resolve(message.values);
      else job?.reject(new ExpressionError(message.problem));
    }
    this.#next();
  }

  /** Whoever waits goes on in the next process; where none starts at all, the first of them ends each time. */
  #end(child: ChildProcess, reason: string): void {
    if (child !== this.#process) return;
    clearTimeout(this.#timer);
    this.#process = undefined;
    child.kill('SIGKILL');
    const ended = this.#isReady ? this.#ended() : this.#waiting.take()?.job;
    this.#isReady = false;
    ended?.reject(new ExpressionError(reason));
    if (this.#waiting.size > 0) this.#next();
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
