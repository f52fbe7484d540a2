import {
  BRIDGE_PERMISSIONS,
  CUSTODY_CLIENT,
  CUSTODY_PERMISSIONS,
  mintServiceCreds,
  NATS_SERVICES,
  operatorConfiguration,
  servicePermissions,
  type NatsOperator,
} from '@keyward/nats-accounts';
import { secretManifest, type SecretManifest } from './manifests.js';

/** On the bus a call travels with what is added to it, and a dead letter holds it as base64: four times what the doors accept. */
const MAX_PAYLOAD_BYTES = 4 * 1_048_576;

/**
 * Values for NATS' own chart: whom its servers trust, and which accounts there are. Nothing in it is secret. Users are not in it: a server
 * believes whatever an account's key has signed.
 */
export function natsChartValues(operator: NatsOperator): object {
  return { config: { merge: { max_payload: MAX_PAYLOAD_BYTES, ...operatorConfiguration(operator) } } };
}

/** The credentials of every service, with the permissions of this version; and what auth-service makes agents' credentials with. */
export async function natsSecrets(operator: NatsOperator, namespace: string): Promise<SecretManifest[]> {
  const data: Record<string, string> = {};
  for (const service of NATS_SERVICES)
    data[`${service}.creds`] = await mintServiceCreds(operator, 'KEYWARD', service, servicePermissions(service));
  data['gateway-agents.creds'] = await mintServiceCreds(operator, 'AGENTS', 'gateway-agents', BRIDGE_PERMISSIONS);
  data['agents-account'] = operator.accounts.AGENTS.publicKey;
  data['agents-signing-seed'] = operator.seeds.agentsSigning;
  const custody = await mintServiceCreds(operator, 'KEYWARD', CUSTODY_CLIENT.name, CUSTODY_PERMISSIONS);
  return [
    secretManifest('keyward-nats', namespace, data),
    secretManifest('keyward-nats-custody', namespace, { 'custody.creds': custody }),
  ];
}
