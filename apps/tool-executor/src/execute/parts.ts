import type { AuditPort } from '@keyward/audit';
import type { Catalogs } from '@keyward/connectors';
import type { CallCredentialStore, Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import type { Artifacts } from '../artifacts/artifacts.js';
import type { Budgets } from '../budget/budgets.js';
import type { ConnectLinks } from '../connection/connect-links.js';
import type { RefreshFlights } from '../connection/refresh-flights.js';
import type { RefusedTokens } from '../connection/refused-tokens.js';
import type { Uses } from '../connection/uses.js';
import type { Call } from './call.js';
import type { Intents } from '../intent/intents.js';
import type { ExecutorLimits } from '../limits/executor-limits.js';
import type { ExecutorMetrics } from '../metrics.js';
import type { McpServers } from '../provider/mcp/mcp-servers.js';
import type { Waiting } from '../waiting/waiting.js';

/** What an execution works with. */
export interface ExecutorParts {
  catalogs: Pick<Catalogs, 'of'>;
  calls: CallCredentialStore;
  credentials: Pick<Credentials, 'open' | 'openSecret'>;
  egress: Pick<Egress, 'send'>;
  /** What is known of MCP servers. */
  mcpServers: McpServers;
  budgets: Pick<Budgets, 'claim' | 'settle' | 'keep'>;
  /** ISO 4217 code of what tools declare to cost. */
  currency: string;
  /** Whether the audit record shows the arguments of calls, redacted. */
  recorded: { readonly arguments: boolean };
  intents: Intents;
  waiting: Waiting;
  limits: ExecutorLimits;
  audit: AuditPort;
  links: ConnectLinks;
  refreshes: RefreshFlights;
  refused: RefusedTokens;
  uses: Pick<Uses, 'note'>;
  /** Whether the news came, a moment ago, that the connection of this call was disconnected. */
  isRevoked: (call: Call) => boolean;
  metrics: ExecutorMetrics;
  /** Null: nothing is kept, so that an output which the bus does not carry is too large. */
  artifacts: Pick<Artifacts, 'keep'> | null;
  /** Of a result's output: what the bus carries. */
  maxOutputBytes: number;
  /** 0 ≤ x < 1, for backoff. */
  random: () => number;
}
