import type { Operation } from '../contract/contract.js';
import { judgeRequest, type SentRequest } from '../contract/judge-request.js';
import { parsed } from '../contract/texts.js';
import { VendorContract } from '../contract/vendor-contract.js';
import type { Schema } from '../schema.js';
import { generate } from './generate.js';
import { laidOver } from './laid-over.js';
import { refusal, undescribed, type Heard, type Known, type Knowledge, type Reply, type Vendor } from './vendor.js';

/** The vendor of a `contract.json`. */
export class RestVendor implements Vendor {
  private readonly made = new WeakMap<Schema, unknown>();

  constructor(private readonly contract: VendorContract) {}

  static read(file: string): RestVendor {
    return new RestVendor(VendorContract.read(file));
  }

  async hear(request: SentRequest, anywhere: boolean, knowledge?: Knowledge): Promise<Heard> {
    const { operation: found, inPath, problems } = await judgeRequest(this.contract, request, anywhere);
    if (found === undefined) {
      const { origin, pathname } = new URL(request.url);
      const known = this.contract.isKnownUndescribed(request.method, anywhere ? pathname : origin + pathname, anywhere);
      return { ...(await undescribed.hear(request, anywhere)), problems: known ? [] : problems };
    }
    const { operation, method, path } = found;
    const described = operation['x-described'] ?? 'fully';
    if (problems.length > 0) return { described, problems, reply: this.reply(operation) };
    const known = await knowledge?.of(`${method.toUpperCase()} ${path}`, givenIn(request, inPath));
    return { described, problems, reply: answered(this.reply(operation), known) };
  }

  async problemsOfReply(request: SentRequest, reply: Reply, anywhere: boolean): Promise<readonly string[]> {
    const { operation: found } = await judgeRequest(this.contract, request, anywhere);
    if (found === undefined || Buffer.isBuffer(reply.body)) return [];
    const { type, schema } = answerOf(found.operation);
    return schema === undefined || !type.includes('json') ? [] : this.contract.ofAnswer(schema)(reply.body);
  }

  private reply(operation: Operation): Reply {
    const { status, type, schema } = answerOf(operation);
    if (schema === undefined && !type.includes('json')) return { status, headers: { 'content-type': type }, body: 'text' };
    const body = schema === undefined ? {} : structuredClone(this.bodyOf(schema));
    return { status, headers: {}, body: status === 204 ? undefined : body };
  }

  private bodyOf(schema: Schema): unknown {
    if (!this.made.has(schema)) this.made.set(schema, generate(schema, this.contract.document.components.schemas));
    return this.made.get(schema);
  }
}

function givenIn({ url, body }: SentRequest, path: Readonly<Record<string, string>>): Record<string, unknown> {
  return { path, query: Object.fromEntries(new URL(url).searchParams), body: parsed(String(body ?? '')) };
}

function answered(reply: Reply, known: Known): Reply {
  if (known === undefined) return reply;
  if ('found' in known) return { ...reply, body: reply.status === 204 ? undefined : laidOver(reply.body, known.found) };
  const status = known.refused === 'missing' ? 404 : 403;
  return { status, headers: {}, body: refusal(known.refused) };
}

function answerOf({ responses }: Operation): { status: number; type: string; schema: Schema | undefined } {
  const [status = '200', answer] = Object.entries(responses)[0] ?? [];
  const [type = 'application/json', media] = Object.entries(answer?.content ?? {})[0] ?? [];
  return { status: status === '302' ? 200 : Number(status), type, schema: media?.schema };
}
