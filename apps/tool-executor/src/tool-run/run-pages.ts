import type { Page, PageRequest, Paging, Position, Tool } from '@keyward/connectors';
import { KeywardError, type ErrorCode } from '@keyward/contracts';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { sizeOf, type Received } from '../provider/output.js';
import { deliverOutput } from './deliver-output.js';
import { requestStep, type Course } from './request-step.js';
import { scopeOf } from './scope.js';

/** Of one call, however few items a provider puts on a page. */
const MOST_PAGES = 100;
/** Around the items, and a comma for each is in their own. */
const ENVELOPE_BYTES = 4_096;
/** What a call needs after its last page, to be answered before its deadline. */
const CLOSING_MS = 100;
/** What a listing is made of is no one answer. */
const OF_PAGES: Received = { answer: { status: 200, headers: {}, body: null }, bytes: 0 };
/** Of a later page these say: come back with the cursor. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'deadline_exceeded',
  'rate_limited',
  'provider_unavailable',
  'response_too_large',
]);

/** The output of such a tool. */
interface Listing {
  readonly items: unknown[];
  /** Null: that was all. */
  readonly nextCursor: string | null;
}

/**
 * A listing: pages are followed until there are as many items as were asked for, the deadline is near or there is no room for more. What is
 * there is then the answer, with a cursor for the rest.
 *
 * @throws KeywardError why there is no first page; `response_too_large` where that one alone is and nothing is kept
 */
export async function runPages(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  paging: Paging,
  connection: UsableConnection,
): Promise<unknown> {
  const scope = scopeOf(call, connection);
  const { limit, position } = paging.wantedOf(scope.args);
  const items: unknown[] = [];
  let course: Course = { scope, connection };
  let next: Position | undefined = position;
  let room = parts.maxOutputBytes - ENVELOPE_BYTES;
  let slowestMs = 0;
  for (let pages = 0; next !== undefined && items.length < limit && pages < MOST_PAGES; pages++) {
    if (pages > 0 && call.msLeft < slowestMs + CLOSING_MS) break;
    const began = performance.now();
    const wanted: PageRequest = { wanted: limit - items.length, position: next };
    const turned: Turned | undefined = await turn(parts, call, tool, paging, course, wanted).catch((error: unknown) =>
      laterAgain(call, pages, error),
    );
    if (turned === undefined) break;
    const bytes = sizeOf(turned.page.items);
    if (pages > 0 && bytes > room) break;
    room -= bytes;
    items.push(...turned.page.items);
    ({ course } = turned);
    ({ next } = turned.page);
    if (room < 0) break;
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
  const listing: Listing = { items, nextCursor: next === undefined ? null : paging.cursorOf(next, scope.args) };
  return room < 0 ? deliverOutput(parts, call, listing, OF_PAGES) : listing;
}

interface Turned {
  page: Page;
  course: Course;
}

async function turn(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  paging: Paging,
  course: Course,
  wanted: PageRequest,
): Promise<Turned> {
  const [step] = tool.steps;
  if (step === undefined) throw new KeywardError('internal', 'A tool without a step was called.');
  const { received, course: now } = await requestStep(parts, call, tool, step, course, wanted);
  return { page: await paging.page(received.answer, now.scope, wanted), course: now };
}

/** Undefined: what is there is answered, and what failed is for whoever comes with the cursor. */
function laterAgain(call: Call, pages: number, error: unknown): undefined {
  if (pages > 0 && !call.signal.aborted && error instanceof KeywardError && PASSING.has(error.code)) return undefined;
  throw error;
}
