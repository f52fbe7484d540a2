import { Buffer } from 'node:buffer';
import { KeywardError } from '@keyward/contracts';
import { ExpressionError, type Bindings } from '../expression/expression.js';
import { uuidFrom } from '../expression/uuid-from.js';
import type { Answer, Scope } from '../tool/tool.js';

/** What an expression that makes a part of a request may name. */
export function requestBindings({ args, steps, item, key, connection }: Scope): Bindings {
  return { args, steps: withoutBytes(steps), item, key, uuid: uuidFrom(key), connection };
}

/** What an expression over an answer may name. */
export function answerBindings({ status, headers }: Answer, { args, steps, connection }: Scope): Bindings {
  return { args, steps: withoutBytes(steps), status, headers, connection };
}

function withoutBytes(steps: Scope['steps']): Scope['steps'] {
  if (!Object.values(steps).some(Buffer.isBuffer)) return steps;
  return Object.fromEntries(
    Object.entries(steps).map(([id, body]) => [id, Buffer.isBuffer(body) ? body.toString('base64') : body]),
  );
}

/** What an expression over an answer works on: its body, where bytes stand as base64. */
export function contextOf({ body, headers }: Answer): unknown {
  if (!Buffer.isBuffer(body)) return body;
  return { contentType: headers['content-type'] ?? 'application/octet-stream', base64: body.toString('base64') };
}

/** An expression over an answer that gives nothing has been answered something else than the connector says. */
export function unfitAnswer(cause: unknown): never {
  if (!(cause instanceof ExpressionError)) throw cause;
  throw new KeywardError(
    'provider_error',
    `The provider’s answer is not what this tool expects: an expression of it ${cause.message}.`,
    {
      cause,
    },
  );
}
