import {
  custodyRequestSchemas,
  KeywardError,
  parseOrThrow,
  type ConnectSession,
  type custodyAnswerSchemas,
  type CustodyOperation,
} from '@keyward/contracts';
import type { z } from 'zod';
import type { ConnectAnswer } from '../connect/answer.js';
import type { Visitor } from '../connect/completers.js';
import type { SessionRequest } from '../connect/connect-sessions.js';
import type { CallbackRequest } from '../connect/finish-authorization.js';
import { notFound, possibleId, type NamedPrefix } from '../identity/not-found.js';
import { readCursor } from '../records/page.js';
import type { Integrations } from './integrations.js';
import type { CustodyActor, ReleaseToken } from './release-token.js';

type Request<O extends CustodyOperation> = z.infer<(typeof custodyRequestSchemas)[O]>;
type Answer<O extends CustodyOperation> = z.infer<(typeof custodyAnswerSchemas)[O]>;
type Operations = { [O in CustodyOperation]: (request: Request<O>, actor: CustodyActor) => Promise<Answer<O>> };

export interface CustodyOptions {
  sessions: { create(request: SessionRequest): Promise<ConnectSession> };
  finishing: { finish(request: CallbackRequest, visitor: Visitor): Promise<ConnectAnswer> };
  releases: ReleaseToken;
  integrations: Integrations;
}

const IDS: Readonly<Record<string, NamedPrefix>> = { org: 'org', agent: 'agt', connection: 'conn' };

/** The six custody operations, the same at every door. Organization and agent of the request decide what exists. */
export class Custody {
  readonly #operations: Operations;

  constructor({ sessions, finishing, releases, integrations }: CustodyOptions) {
    this.#operations = {
      get_oauth_url: (request, initiator) => sessions.create({ ...request, initiator }),
      // For platforms that serve the redirect URI themselves. It is finished exactly as an answer that came to us.
      handle_oauth_callback: async ({ org, agent, context, query, browser }) => {
        const request = { context, query: new URLSearchParams(query), caller: { org, agent } };
        const { outcome, connection } = await finishing.finish(request, { cookie: browser, person: nobody });
        return { outcome, connection: connection === undefined ? null : await integrations.get({ org, agent, connection }) };
      },
      get_access_token: (request, actor) => releases.release(request, actor),
      list_integrations: ({ cursor, ...query }) => integrations.list(query, readCursor('conn', cursor)),
      get_integration: (request) => integrations.get(request),
      disconnect_integration: (request, actor) => integrations.disconnect(request, actor),
    };
  }

  /**
   * @param actor who the audit trail says it was; left out: the agent that the request names
   * @throws KeywardError `not_found` for whatever is another's, gone, or no id at all; `invalid_request`; and as each operation says
   */
  async handle<O extends CustodyOperation>(operation: O, payload: unknown, actor?: CustodyActor): Promise<Answer<O>> {
    const request = readRequest(operation, payload);
    return this.#operations[operation](request, actor ?? { kind: 'agent', id: request.agent });
  }
}

/** Where people must sign in to connect, they do so at our own page; a platform can't vouch for them. */
const nobody = () => Promise.resolve(undefined);

/** What can be no id is answered like an id that nobody has: with what was asked for, a connection or else the agent. */
function readRequest<O extends CustodyOperation>(operation: O, payload: unknown): Request<O> {
  const schema: z.ZodType<Request<O>> = custodyRequestSchemas[operation] as unknown as z.ZodType<Request<O>>;
  if (typeof payload === 'object' && payload !== null) {
    const absent = notFound('connection' in custodyRequestSchemas[operation].shape ? 'conn' : 'agt');
    for (const [member, prefix] of Object.entries(IDS)) {
      const value: unknown = Object.hasOwn(payload, member) ? Reflect.get(payload, member) : undefined;
      if (typeof value === 'string') possibleId(prefix, value, absent);
    }
  }
  return parseOrThrow(schema, payload, 'request');
}

/** @throws KeywardError `not_found` */
export function custodyOperation(name: string): CustodyOperation {
  if (Object.hasOwn(custodyRequestSchemas, name)) return name as CustodyOperation;
  throw new KeywardError('not_found', 'There is no such custody operation.');
}
