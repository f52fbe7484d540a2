import type { Visitor } from '../connect/completers.js';
import type { ConnectAnswer } from '../connect/answer.js';
import type { CallbackRequest } from '../connect/finish-authorization.js';
import { Custody } from './custody.js';
import { Integrations, type IntegrationsOptions } from './integrations.js';
import { ReleaseToken, type ReleaseTokenOptions } from './release-token.js';

export interface CustodyParts extends ReleaseTokenOptions, IntegrationsOptions {
  finishing: { finish(request: CallbackRequest, visitor: Visitor): Promise<ConnectAnswer> };
}

export function createCustody(parts: CustodyParts): Custody {
  const { sessions, finishing } = parts;
  return new Custody({ sessions, finishing, releases: new ReleaseToken(parts), integrations: new Integrations(parts) });
}
