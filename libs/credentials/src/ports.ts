import type { ConnectionKind, ConnectionStatus, PermissionLevel } from '@keyward/contracts';
import type { Validity } from './validity.js';

/** Which call asks: everything comes from what was authenticated, nothing from the tool's arguments. */
export interface CallQuery {
  org: string;
  agent: string;
  user: string;
  connector: string;
  provider: string;
  alias: string;
  /** Narrows to one connection, which this agent must still be allowed to use; the alias is then not looked at. */
  connection?: string;
}

/** Of a registration that has one: what its requests show in the TLS handshake (RFC 8705). */
export interface SealedClientCertificate {
  /** Of the registration: with its id and generation the key opens. */
  app: string;
  generation: number;
  /** PEM, public. */
  certificate: string;
  sealedKey: Buffer;
}

export interface CallConnection extends Validity {
  id: string;
  /** `workspace`: authorized by an admin for the organization; the agent is one of its grantees. */
  kind: ConnectionKind;
  alias: string;
  status: ConnectionStatus;
  statusReason: string | null;
  /** As granted by the provider. */
  scopes: string[];
  /** 0 while nothing was stored yet. */
  generation: number;
  sealedAccess: Buffer | null;
  /** There is a way to the next token without the person. */
  refreshable: boolean;
  /** `${connection.…}` of the manifest. */
  parameters: Record<string, string>;
  /** `${client.id}`; null where the kind of grant needs no registration. */
  clientId: string | null;
  /** `${app.…}` of the manifest. */
  appParameters: Record<string, string>;
  /** null: the registration has none, or the connection is not active. */
  clientCertificate: SealedClientCertificate | null;
}

export interface CallCredential {
  /** null: the connector is not assigned to the agent. */
  permission: PermissionLevel | null;
  /** null: every tool of the connector, as far as the permission allows. */
  tools: string[] | null;
  /** Its own for this user, else the workspace's; null: there is neither. */
  connection: CallConnection | null;
}

/** What one call needs to know, in one round trip. */
export interface CallCredentialStore {
  openForCall(query: CallQuery): Promise<CallCredential>;
}

export interface ConnectionUse {
  org: string;
  connection: string;
}

export interface ConnectionUseStore {
  /** Each connection once. @returns of how many it was news */
  record(uses: readonly ConnectionUse[]): Promise<number>;
}
