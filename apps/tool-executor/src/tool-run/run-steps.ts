import type { Answer, Scope, Step, Tool } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { UsableConnection } from '../connection/require-connection.js';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { pause } from '../execute/pause.js';
import { tooLarge, type Received } from '../provider/output.js';
import { requestStep, type Course } from './request-step.js';
import { scopeOf } from './scope.js';

/** Of all the answers to one step that is sent once per item. */
const MOST_BYTES = 16 * 1_048_576;
/** Of a tool whose steps were all left out. */
const NOTHING: Received = { answer: { status: 204, headers: {}, body: null }, bytes: 0 };

/** One request after the other, each made of the answers before it. @returns the last answer */
export async function runSteps(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  connection: UsableConnection,
): Promise<{ last: Received; scope: Scope }> {
  let course: Course = { scope: scopeOf(call, connection), connection };
  let last = NOTHING;
  for (const step of tool.steps) {
    if (!(await step.wanted(course.scope))) continue;
    const done = await carriedOut(parts, call, tool, step, course);
    last = done.received;
    course = { ...done.course, scope: withAnswer(done.course.scope, step, last.answer) };
  }
  return { last, scope: course.scope };
}

/** The step's request, or one for each item of its list, one after the other: the answer is the list of the answers then. */
async function carriedOut(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  step: Step,
  course: Course,
): Promise<{ received: Received; course: Course }> {
  const once = async (at: Course) => {
    const done = await finished(parts, call, tool, step, at);
    const isNew = !step.repeatable && !call.completedSteps.includes(step.id);
    if (isNew) call.completedSteps = [...call.completedSteps, step.id];
    return done;
  };
  if (step.each === undefined) return once(course);
  let { connection } = course;
  let { answer, bytes } = NOTHING;
  const bodies: unknown[] = [];
  for (const scope of await step.each(course.scope)) {
    const done = await once({
      scope: { ...scope, connection: connection.parameters, provider: connection.provider },
      connection,
    });
    ({ connection } = done.course);
    answer = done.received.answer;
    bytes += done.received.bytes;
    bodies.push(answer.body);
    if (bytes > MOST_BYTES) throw tooLarge(MOST_BYTES);
  }
  const scope = { ...course.scope, connection: connection.parameters, provider: connection.provider };
  return { received: { answer: { ...answer, body: bodies }, bytes }, course: { scope, connection } };
}

function withAnswer(scope: Course['scope'], { id }: Step, { body }: Answer): Course['scope'] {
  return { ...scope, steps: { ...scope.steps, [id]: body } };
}

/** The answer to the step's request; where it is repeated until something holds, the first with which it does. */
async function finished(
  parts: ExecutorParts,
  call: Call,
  tool: Tool,
  step: Step,
  course: Course,
): Promise<{ received: Received; course: Course }> {
  const { until } = step;
  for (let looks = 1; ; looks++) {
    const done = await requestStep(parts, call, tool, step, course);
    if (until === undefined || (await until.reached(done.received.answer, done.course.scope))) return done;
    if (looks >= until.atMost)
      throw new KeywardError('provider_error', `The provider had not finished after it was asked ${looks} times.`);
    if (until.everyMs >= call.msLeft)
      throw new KeywardError('deadline_exceeded', 'The provider had not finished when the deadline came.');
    await pause(call, until.everyMs);
    course = done.course;
  }
}
