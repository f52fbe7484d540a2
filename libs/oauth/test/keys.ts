import { generateKeyPairSync, type KeyObject } from 'node:crypto';

export interface TestKey {
  publicKey: KeyObject;
  /** PKCS#8. */
  pem: string;
}

const made = new Map<string, TestKey>();

/** One key pair for each algorithm, made when it is first asked for. */
export function testKey(algorithm: 'RS256' | 'PS256' | 'ES256' | 'EdDSA'): TestKey {
  const name = algorithm === 'PS256' ? 'RS256' : algorithm;
  let key = made.get(name);
  if (key === undefined) {
    const { publicKey, privateKey } = generate(name);
    key = { publicKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    made.set(name, key);
  }
  return key;
}

function generate(name: string): { publicKey: KeyObject; privateKey: KeyObject } {
  if (name === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return name === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
}
