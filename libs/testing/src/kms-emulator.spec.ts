import { describe, expect, it } from '@jest/globals';
import { firstKms } from './kms-emulator.js';
import { runEmulator } from './kms/run-emulator.js';
import type { KmsSource, TestKms } from './kms/source.js';

const found: TestKms = { endpoint: 'http://127.0.0.1:1', what: 'a test', stop: () => Promise.resolve() };
const absent =
  (why: string): KmsSource =>
  async () => ({ why });

describe('finding a KMS emulator', () => {
  it('takes the first that there is, and asks none behind it', async () => {
    const asked: string[] = [];
    const present =
      (name: string): KmsSource =>
      async () => {
        asked.push(name);
        return { kms: found };
      };
    expect(await firstKms([absent('no'), present('one'), present('two')], () => undefined, true)).toBe(found);
    expect(asked).toEqual(['one']);
  });

  it('says what was tried, why each failed and what to do, and is skipped', async () => {
    const said: string[] = [];
    const kms = await firstKms([absent('no Go'), absent('no Python')], (step) => said.push(step), false);
    expect(kms).toBeUndefined();
    expect(said.join()).toMatch(/no Go[^]*no Python[^]*apt-get install python3-venv[^]*SKIPPED/);
  });

  it('fails where the tests must run', async () => {
    await expect(firstKms([absent('no Python')], () => undefined, true)).rejects.toThrow(
      /no Python[^]*KEYWARD_TEST_KMS_ENDPOINT/,
    );
  });
});

/** A program that listens and answers every request with the same. */
function program(answer: string) {
  const server = `require('http').createServer((q, s) => s.end(process.env.ANSWER)).listen(process.argv[1], '127.0.0.1')`;
  return runEmulator({
    what: 'a program',
    command: process.execPath,
    args: (port) => ['-e', server, String(port)],
    env: () => ({ ANSWER: answer }),
  });
}

describe('a candidate', () => {
  it('that answers but does not encrypt for real is passed over', async () => {
    const same = { KeyMetadata: { KeyId: 'k' }, CiphertextBlob: 'YWFh', Plaintext: 'YWFh' };
    expect(await program(JSON.stringify(same))).toEqual({ why: 'a program: it does not refuse another encryption context' });
  });

  it('that ends at once is passed over, with what it said', async () => {
    const outcome = await runEmulator({
      what: 'a program',
      command: process.execPath,
      args: () => ['-e', 'console.error("no module named moto"); process.exit(1)'],
      env: () => ({}),
    });
    expect(outcome).toMatchObject({ why: 'a program: ended at start: no module named moto' });
  });

  it('that is not there is passed over', async () => {
    const outcome = await runEmulator({ what: 'a program', command: '/nowhere/local-kms', args: () => [], env: () => ({}) });
    expect(outcome).toMatchObject({ why: expect.stringContaining('ENOENT') });
  });
});
