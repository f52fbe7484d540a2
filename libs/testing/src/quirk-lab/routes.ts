import { introspect } from './introspection-endpoint.js';
import { Refusal } from './refusal.js';
import { revoke, STANDARD_REVOCATION } from './revocation-endpoint.js';
import { redeemCode, redeemRefreshToken, refusalAnswer, takeStep, type Answer, type TokenQuestion } from './token-endpoint.js';
import type { AnswerQuirks } from './quirks.js';

interface Route {
  matches: (path: string) => boolean;
  quirks: AnswerQuirks;
  handle: () => Promise<Answer>;
}

/** Everything but the authorization page. */
export async function route(question: TokenQuestion, onRefusal: (reason: string) => void): Promise<Answer> {
  const found = routesOf(question).find(({ matches }) => matches(question.received.path));
  if (found === undefined) {
    onRefusal(`there is nothing at ${question.received.path}`);
    return { status: 404, body: {} };
  }
  try {
    return await found.handle();
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    onRefusal(thrown.reason);
    return refusalAnswer(found.quirks, thrown);
  }
}

function routesOf(question: TokenQuestion): Route[] {
  const { quirks, received } = question;
  const { token = {}, refresh, steps = [], extend, revocation = STANDARD_REVOCATION } = quirks;
  const at = (path: string) => (asked: string) => asked === path;
  const tokenPath = token.path ?? '/token';
  const refreshPath = refresh?.path ?? tokenPath;
  const isRefresh = refreshPath !== tokenPath || /refresh_?token/i.test(received.body + received.rawQuery);
  return [
    ...steps.map((step, stage) => ({
      matches: at(step.path),
      quirks: step,
      handle: () => takeStep(step, stage, stage + 1, question),
    })),
    ...(extend === undefined
      ? []
      : [{ matches: at(extend.path), quirks: extend, handle: () => takeStep(extend, steps.length, steps.length, question) }]),
    ...(isRefresh ? [{ matches: at(refreshPath), quirks: refresh ?? token, handle: () => redeemRefreshToken(question) }] : []),
    { matches: at(tokenPath), quirks: token, handle: () => redeemCode(question) },
    {
      matches: (path) => path === revocation.path || path.startsWith(`${revocation.path}/`),
      quirks: {},
      handle: () => revoke(question),
    },
    ...(quirks.introspection === undefined
      ? []
      : [{ matches: at('/introspect'), quirks: {}, handle: () => introspect(question) }]),
  ];
}
