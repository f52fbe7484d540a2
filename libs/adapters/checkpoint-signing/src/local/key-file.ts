import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

const OWNER_ONLY = 0o600;
const GROUP_AND_OTHERS = 0o077;

class WrongKey extends Error {}

/** @throws Error that names the file and what is wrong with it, never what is in it */
export async function readSigningKey(path: string): Promise<KeyObject> {
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & GROUP_AND_OTHERS) !== 0)
    throw new Error(`${path} can be read by others than its owner; run: chmod 600 ${path}`);
  const pem = await readFile(path);
  try {
    return ed25519(createPrivateKey({ key: pem, format: 'pem' }), path);
  } catch (cause) {
    if (cause instanceof WrongKey) throw cause;
    throw new Error(`${path} is not a private key in PKCS#8 PEM without a passphrase`, { cause });
  } finally {
    pem.fill(0);
  }
}

function ed25519(key: KeyObject, path: string): KeyObject {
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new WrongKey(
    `${path} holds a key of type ${key.asymmetricKeyType}, not Ed25519; make one with: openssl genpkey -algorithm ed25519`,
  );
}

/**
 * Makes the key file (PKCS#8 PEM, mode 0600) with a fresh Ed25519 key unless there is one; never overwrites, even when two processes come at once.
 * @returns true when it was made now
 */
export async function createSigningKeyFile(path: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(beside, 'wx', OWNER_ONLY);
  try {
    await file.writeFile(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(beside, path);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    await readSigningKey(path);
    return false;
  } finally {
    await unlink(beside);
  }
}
