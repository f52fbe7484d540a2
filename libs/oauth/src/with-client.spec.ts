import { describe, expect, it } from '@jest/globals';
import type { SecretContext } from '@keyward/credentials';
import { withClient, type SealedRegistration } from './with-client.js';

const app: SealedRegistration = {
  orgId: 'org_1',
  id: 'app_1',
  clientId: 'client-1',
  sealedSecret: null,
  sealedKey: null,
  certificate: null,
  parameters: {},
  generation: 3,
};

/** A vault that opens what was sealed for exactly this context. */
const vault = {
  openSecret: <T>(context: SecretContext, sealed: Buffer, use: (plaintext: string) => Promise<T>): Promise<T> => {
    const [sealedFor = '', plaintext = ''] = sealed.toString().split('|');
    return sealedFor === Object.values(context).join('/') ? use(plaintext) : Promise.reject(new Error('another context'));
  },
};
const sealedFor = (field: string, plaintext: string) => Buffer.from(`org_1/app_1/${field}/3|${plaintext}`);
const open = (row: Partial<SealedRegistration>) => withClient(vault, { ...app, ...row }, (client) => Promise.resolve(client));

describe('withClient', () => {
  it('opens secret and key, each in its own context', async () => {
    const row = {
      sealedSecret: sealedFor('client_secret', 'shh'),
      sealedKey: sealedFor('private_key', 'a key'),
      certificate: 'a certificate',
      parameters: { tenant: 't1' },
    };
    expect(await open(row)).toEqual({
      clientId: 'client-1',
      clientSecret: 'shh',
      privateKey: 'a key',
      certificate: 'a certificate',
      parameters: { tenant: 't1' },
    });
  });

  it('opens nothing where nothing is sealed', async () => {
    expect(await open({})).toEqual({ clientId: 'client-1', parameters: {} });
  });

  it('never opens the key as the secret', async () => {
    await expect(open({ sealedSecret: sealedFor('private_key', 'a key') })).rejects.toThrow('another context');
    await expect(open({ sealedKey: sealedFor('client_secret', 'shh') })).rejects.toThrow('another context');
  });
});
