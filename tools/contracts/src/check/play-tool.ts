import { resolveProvider, type Answer, type PageRequest, type Scope, type Step, type Tool } from '@keyward/connectors';
import type { Heard, Reply, SentRequest, Vendor } from '@keyward/vendor-emulation';
import { asPage, unmarked, type PaginationFacts } from '../vendor/pages.js';
import { withSample, type Sample } from '../vendor/samples.js';
import { valuesFor } from './connection-parameters.js';
import type { Arguments } from './make-arguments.js';

/** Stands for a run's own key. */
const KEY = 'contract-check-key';

export interface Played {
  /** What every request was known by; empty where a tool sends nothing. */
  readonly described: readonly Heard['described'][];
  readonly problems: readonly string[];
  /** What the caller would get. */
  readonly output: unknown;
}

export interface Play {
  readonly tool: Tool;
  readonly vendor: Vendor;
  readonly sample: Sample;
  readonly pagination: PaginationFacts | undefined;
  readonly connection: Readonly<Record<string, string>>;
}

/** One call of a tool without a network: each request is rendered and held against the contract, and answered from it. */
export async function playTool(play: Play, args: Arguments): Promise<Played> {
  const { tool } = play;
  const run = new Run(play);
  const values = valuesFor(tool.provider, play.connection);
  let scope: Scope = {
    args,
    steps: {},
    key: KEY,
    connection: values.connection,
    provider: resolveProvider(tool.provider, values),
  };
  tool.validateArguments(args);
  if (tool.pagination !== null) return run.played(await run.listing(tool.pagination, scope));
  let last: Answer = { status: 200, headers: {}, body: null };
  for (const step of tool.steps) {
    if (!(await step.wanted(scope))) continue;
    last = await run.step(step, scope);
    scope = { ...scope, steps: { ...scope.steps, [step.id]: last.body } };
  }
  const output = await tool.outputOf(last, scope);
  if (tool.probe !== null) await tool.probe.found(await run.send(tool.probe.step, scope), scope);
  return run.played(output);
}

class Run {
  readonly problems: string[] = [];
  private readonly described: Heard['described'][] = [];

  constructor(private readonly play: Play) {}

  played(output: unknown): Played {
    return { described: this.described, problems: this.problems, output };
  }

  /** Once, or once per item. */
  async step(step: Step, scope: Scope): Promise<Answer> {
    const answers: Answer[] = [];
    for (const one of (await step.each?.(scope)) ?? [scope]) {
      const answer = await this.send(step, one);
      if (step.until !== undefined && !(await step.until.reached(answer, one)))
        this.problems.push(`${step.id}: its \`until\` does not hold; samples.yaml can say what it is answered`);
      answers.push(answer);
    }
    const last = answers.at(-1) ?? NONE;
    return step.each === undefined ? last : { ...last, body: answers.map(({ body }) => body) };
  }

  async send(step: Step, scope: Scope, page?: PageRequest): Promise<Answer> {
    // What an upstream MCP server takes, it says itself.
    if (step.kind === 'mcp') return { status: 200, headers: {}, body: withSample(EMPTY, this.play.sample, step.id).body };
    const { body, ...rendered } = await step.render(scope, page);
    const sent: SentRequest = unmarked({ ...rendered, body });
    // Where an answer told the whole address, nothing describes what is there.
    const heard = rendered.credential ? await this.play.vendor.hear(sent, false) : NOTHING_KNOWN;
    this.described.push(heard.described);
    this.problems.push(...heard.problems.map((problem) => `${step.id}: ${problem}`));
    const sampled = withSample(heard.reply, this.play.sample, step.id);
    // A reply that a sample changed must still be one of this vendor.
    if (sampled !== heard.reply && rendered.credential) {
      const wrong = await this.play.vendor.problemsOfReply(sent, sampled, false);
      this.problems.push(...wrong.map((problem) => `${step.id}: the sample's answer ${problem}`));
    }
    const { pagination } = this.play;
    const reply = page === undefined || pagination === undefined ? sampled : asPage(sampled, { ...rendered, body }, pagination);
    return { status: reply.status, headers: reply.headers, body: readBody(reply, rendered.readAs) };
  }

  /** Two pages, and no third. */
  async listing(paging: NonNullable<Tool['pagination']>, scope: Scope): Promise<unknown> {
    const [step] = this.play.tool.steps;
    const items: unknown[] = [];
    let { position } = paging.wantedOf(scope.args);
    for (let page = 1; step !== undefined; page++) {
      const request = { wanted: 2, position };
      const { items: some, next } = await paging.page(await this.send(step, scope, request), scope, request);
      items.push(...some);
      if (some.length === 0 && page === 1) this.problems.push(`page ${page} has no item`);
      if ((next === undefined) !== (page === 2))
        this.problems.push(next === undefined ? 'there is no second page' : 'there is no end');
      if (next === undefined || page === 2) return { items, nextCursor: null };
      position = paging.wantedOf({ ...scope.args, cursor: paging.cursorOf(next, scope.args) }).position;
    }
    return { items, nextCursor: null };
  }
}

const NONE: Answer = { status: 200, headers: {}, body: null };
const EMPTY: Reply = { status: 200, headers: {}, body: {} };
const NOTHING_KNOWN: Heard = { described: 'not', problems: [], reply: EMPTY };

function readBody({ body }: Reply, readAs: 'json' | 'text' | 'bytes'): unknown {
  if (readAs === 'json') return body ?? null;
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body ?? '');
  return readAs === 'text' ? String(text) : Buffer.from(text as string);
}
