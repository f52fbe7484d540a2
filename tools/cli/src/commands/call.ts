import { readFileSync } from 'node:fs';
import type { ExecutionResult } from '@keyward/contracts';
import { Usage } from '../output/fail.js';
import { command, pairs } from './command.js';

export const call = command({
  command: 'call <tool> [arguments]',
  describe: 'Call a tool as the agent, on behalf of a user',
  builder: (args) =>
    args
      .positional('tool', { type: 'string', demandOption: true, describe: 'Its name: keyward tools' })
      .positional('arguments', { type: 'string', describe: 'JSON; @file reads it from there, - from standard input' })
      .option('arg', { type: 'string', array: true, describe: 'One argument, as name=value; the value is JSON where it can be' })
      .option('user', { type: 'string', demandOption: true, describe: 'On whose behalf' })
      .option('connection', { type: 'string', describe: 'With this connection and no other' })
      .option('idempotency-key', { type: 'string', describe: 'Makes repeating the call safe' })
      .option('timeout', { type: 'number', default: 30_000, describe: 'In milliseconds' })
      .option('dry-run', { type: 'boolean', default: false, describe: 'Check everything and send nothing' }),
  handler: async (session, args) => {
    const { tool, user, connection, idempotencyKey, timeout, dryRun } = args;
    const result = await session.agent.post<ExecutionResult>(`/v1/tools/${encodeURIComponent(tool)}/execute`, {
      arguments: { ...readArguments(args.arguments), ...single(args.arg) },
      user,
      timeoutMs: timeout,
      dryRun,
      ...(connection === undefined ? {} : { connection }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
    session.out.answer(result, () => {
      session.out.value(result.output ?? null);
      process.stderr.write(`${result.state} in ${Math.round(result.durationMs)} ms, ${result.id}\n`);
    });
  },
});

function readArguments(text: string | undefined): object {
  if (text === undefined) return {};
  const json = text === '-' ? readFileSync(0, 'utf8') : text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text;
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  throw new Usage('The arguments must be one JSON object, such as \'{"title":"Hello"}\'.');
}

function single(given: readonly string[] | undefined): object {
  return Object.fromEntries(
    Object.entries(pairs(given)).map(([name, text]) => {
      try {
        return [name, JSON.parse(text) as unknown];
      } catch {
        return [name, text];
      }
    }),
  );
}
