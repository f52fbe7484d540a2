import { randomBytes, sign, type KeyObject } from 'node:crypto';
import { idSchema } from '@keyward/contracts';
import { decodeSeed, encodePublicKey, privateKeyFromSeed, rawPublicKey } from './nkey.js';

/** The key of account AGENTS that signs its users. It is scoped: what they may do is in the account's own JWT, as a template. */
export interface AgentsSigner {
  /** Public key of the account itself. */
  account: string;
  publicKey: string;
  privateKey: KeyObject;
}

/** @throws TypeError where the seed is not that of an account key */
export function createAgentsSigner(account: string, seed: string): AgentsSigner {
  const privateKey = privateKeyFromSeed(decodeSeed('account', seed));
  return { account, privateKey, publicKey: encodePublicKey('account', rawPublicKey(privateKey)) };
}

export interface UserClaims {
  /** Public key of the user. */
  subject: string;
  org: string;
  agent: string;
  issuedAt: Date;
  expiresAt: Date;
}

const ORG = idSchema('org');
const AGENT = idSchema('agt');
const HEADER = encode({ typ: 'JWT', alg: 'ed25519-nkey' });

/**
 * A user of account AGENTS. The server fills the account's template from `name` and `tags`: the agent may publish on its own
 * `tool.execute` subject and hear its own results. It refuses a user of a scoped key that states permissions or limits itself, so
 * none are here.
 */
export function mintUserJwt(signer: AgentsSigner, claims: UserClaims): string {
  // Both become parts of subjects: nothing but ids of ours may.
  if (!ORG.safeParse(claims.org).success || !AGENT.safeParse(claims.agent).success)
    throw new TypeError('not ids of an organization and an agent');
  const payload = encode({
    jti: randomBytes(16).toString('hex'),
    iat: seconds(claims.issuedAt),
    exp: seconds(claims.expiresAt),
    iss: signer.publicKey,
    sub: claims.subject,
    name: claims.agent,
    nats: { type: 'user', version: 2, issuer_account: signer.account, tags: [`org:${claims.org}`] },
  });
  const signature = sign(null, Buffer.from(`${HEADER}.${payload}`), signer.privateKey);
  return `${HEADER}.${payload}.${signature.toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
