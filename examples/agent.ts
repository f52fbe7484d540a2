import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connectAgent, KeywardError } from '@keyward/sdk';

const root = new URL('../', import.meta.url);
const stack = JSON.parse(readFileSync(new URL(process.argv[2] ?? '.keyward/stack.json', root), 'utf8'));
const agent = await connectAgent({ natsUrl: stack.natsUrl, credsFile: fileURLToPath(new URL(stack.agentCredsFile, root)) });
try {
  const note = { title: 'From examples/agent.ts', body: 'Written over NATS.' };
  await agent.execute('sandbox_create_note', { user: stack.user, arguments: note });
  const { output, durationMs } = await agent.execute('sandbox_list_notes', { user: stack.user });
  console.log(output, `in ${durationMs} ms`);
} catch (error) {
  if (!(error instanceof KeywardError)) throw error;
  console.error(`${error.code}: ${error.message} ${error.details.connectUrl ?? ''}`);
  process.exitCode = 1;
} finally {
  await agent.close();
}
