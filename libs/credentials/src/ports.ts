import type { ConnectionStatus, PermissionLevel } from '@keyward/contracts';

/** Which call asks: everything comes from what was authenticated, nothing from the tool's arguments. */
export interface CallQuery {
  org: string;
  agent: string;
  user: string;
  connector: string;
  provider: string;
  alias: string;
  /** Narrows to one connection, which must still be this agent's for this user; the alias is then not looked at. */
  connection?: string;
}

export interface CallConnection {
  id: string;
  status: ConnectionStatus;
  statusReason: string | null;
  /** As granted by the provider. */
  scopes: string[];
  /** 0 while nothing was stored yet. */
  generation: number;
  sealedAccess: Buffer | null;
  /** null: the provider does not say. */
  accessExpiresAt: Date | null;
  refreshable: boolean;
}

export interface CallCredential {
  /** null: the connector is not assigned to the agent. */
  permission: PermissionLevel | null;
  /** null: every tool of the connector, as far as the permission allows. */
  tools: string[] | null;
  /** null: the agent has no live connection for this user. */
  connection: CallConnection | null;
}

/** What one call needs to know, in one round trip. */
export interface CallCredentialStore {
  openForCall(query: CallQuery): Promise<CallCredential>;
}
