import { describe, expect, it } from '@jest/globals';
import { EphemeralSigner } from '@keyward/audit/testing';
import { PublishedKeys, SigningKey } from './signing-key.js';

describe('the keys that checkpoints are verified with', () => {
  it('are the one in use first, and those that signed before, each once', async () => {
    const [now, before] = [await EphemeralSigner.create(), await EphemeralSigner.create('ES256')];
    const key = new SigningKey(() => Promise.resolve(now), [before.publicJwk(), now.publicJwk()]);
    expect(await new PublishedKeys(key).all()).toEqual({ keys: [now.publicJwk(), before.publicJwk()] });
  });

  it('are asked for again where the first time failed, and opened once where it did not', async () => {
    const signer = await EphemeralSigner.create();
    let asked = 0;
    const key = new SigningKey(() => (++asked === 1 ? Promise.reject(new Error('away')) : Promise.resolve(signer)));
    await expect(key.publicKeys()).rejects.toThrow('away');
    await Promise.all([key.signer(), key.publicKeys(), key.signer()]);
    expect(asked).toBe(2);
  });
});
