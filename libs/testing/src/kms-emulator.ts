import { kmsInContainer } from './kms/container.js';
import { builtLocalKms, presentLocalKms } from './kms/local-kms.js';
import { installedMoto, presentMoto } from './kms/moto.js';
import type { KmsSource, TestKms } from './kms/source.js';

export type { TestKms } from './kms/source.js';

/** A server of somebody else, which must have been started. */
const given: KmsSource = async () => {
  const endpoint = process.env['KEYWARD_TEST_KMS_ENDPOINT'];
  if (endpoint === undefined || endpoint === '') return { why: 'KEYWARD_TEST_KMS_ENDPOINT is not set' };
  return { kms: { endpoint, what: `the endpoint ${endpoint}`, stop: () => Promise.resolve() } };
};

/** What is there before what must be built or fetched. */
const SOURCES: KmsSource[] = [given, presentLocalKms, presentMoto, builtLocalKms, installedMoto, kmsInContainer];

type Say = (step: string) => void;

const sayAloud: Say = (step) => void process.stderr.write(`KMS emulator: ${step}\n`);

/**
 * A KMS emulator with real cryptography (docs/adr/0004), for tests of adapters. It accepts any AWS credentials. Each candidate is first
 * probed for what the contract suite relies on: one that is there but does not behave like a KMS is passed over.
 *
 * @returns undefined where none can be had, after saying so on standard error: skip visibly.
 * @throws Error where CI=true and none can be had: there these tests must run.
 */
export function testKms(): Promise<TestKms | undefined> {
  return firstKms(SOURCES, sayAloud, process.env['CI'] === 'true');
}

export async function firstKms(sources: KmsSource[], say: Say, required: boolean): Promise<TestKms | undefined> {
  const reasons: string[] = [];
  for (const source of sources) {
    const found = await source(say);
    if ('kms' in found) return found.kms;
    reasons.push(found.why);
  }
  const advice =
    `No KMS emulator can be had here:\n${reasons.map((reason) => `  - ${reason}\n`).join('')}` +
    'Any one of these is enough: python3 with venv (Debian: apt-get install python3-venv) and a reachable PyPI; a Docker engine; ' +
    'a running emulator in KEYWARD_TEST_KMS_ENDPOINT.';
  if (required) throw new Error(advice);
  say(`${advice}\nThe tests of the AWS adapter are SKIPPED.`);
  return undefined;
}
