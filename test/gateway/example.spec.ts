import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeywardError, toProblem } from '@keyward/contracts';
import { startOperatedHarness, type OperatedHarness } from './harness.js';
import type { SeededAgent } from './seed.js';

const run = promisify(execFile);
const example = fileURLToPath(new URL('../../examples/agent.ts', import.meta.url));

let harness: OperatedHarness;
let ada: SeededAgent;
let stackFile: string;

beforeAll(async () => {
  harness = await startOperatedHarness();
  ada = await harness.seed.agent(await harness.seed.organization(), { connector: 'sandbox', permission: 'write', tools: null });
  const agentCredsFile = await harness.agentCreds(ada);
  stackFile = join(dirname(agentCredsFile), 'stack.json');
  writeFileSync(stackFile, JSON.stringify({ natsUrl: harness.nats.url, agentCredsFile, user: 'usr_ada' }));
});
afterAll(() => harness.stop());

/** As the README says, on the built packages. */
const runExample = () => run(process.execPath, [example, stackFile], { timeout: 20_000 });

describe('examples/agent.ts', () => {
  it('writes a note and lists the notes with nothing but its NATS credentials', async () => {
    harness.executor.behaviour = async ({ tool }) => ({
      state: 'succeeded',
      output: tool === 'sandbox_list_notes' ? [{ title: 'the note' }] : {},
    });
    const { stdout } = await runExample();
    expect(stdout).toContain('the note');
    expect(harness.executor.taken.map(({ requested }) => [requested.agent, requested.tool])).toEqual([
      [ada.agent, 'sandbox_create_note'],
      [ada.agent, 'sandbox_list_notes'],
    ]);
  });

  it('says what is missing and where to connect', async () => {
    const details = { connectUrl: 'https://keyward.example/connect/x' };
    const error = toProblem(new KeywardError('connection_required', 'Connect the account first.', { details }));
    harness.executor.behaviour = async () => ({ state: 'denied', error });
    await expect(runExample()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^connection_required: Connect the account first\. https:\/\/keyward\.example\/connect\/x/),
    });
  });
});
