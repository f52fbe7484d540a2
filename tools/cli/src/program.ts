import yargs from 'yargs';
import { agents } from './commands/agents.js';
import { apply } from './commands/apply.js';
import { audit } from './commands/audit.js';
import { call } from './commands/call.js';
import { connect } from './commands/connect.js';
import { connectors } from './commands/connectors.js';
import { connections } from './commands/connections.js';
import { deadLetters } from './commands/dead-letters.js';
import { install } from './commands/install.js';
import { login, logout, whoami } from './commands/login.js';
import { members } from './commands/members.js';
import { providers } from './commands/providers.js';
import { tools } from './commands/tools.js';
import { usage } from './commands/usage.js';
import { vault } from './commands/vault.js';
import { budgets } from './commands/budgets.js';
import { webhooks } from './commands/webhooks.js';
import { Usage } from './output/fail.js';

const EPILOGUE = `Where it talks to, in this order: --url and the environment (KEYWARD_URL, KEYWARD_TOKEN, KEYWARD_ORG, KEYWARD_GATEWAY_URL,
KEYWARD_AGENT_KEY, KEYWARD_AUDIT_URL), what "keyward login" stored, the stack that "npm start" runs here.`;

export function program(args: readonly string[]) {
  return yargs(args)
    .scriptName('keyward')
    .usage('$0 <command>\n\nAgents’ access to people’s accounts: who has which, what for, and how to end it.')
    .option('url', { type: 'string', describe: 'Address of auth-service', global: true })
    .option('org', { type: 'string', describe: 'Id of the organization; left out where there is only one', global: true })
    .option('json', { type: 'boolean', default: false, describe: 'Print the answer as JSON', global: true })
    .command(login)
    .command(logout)
    .command(whoami)
    .command(connect)
    .command(connections)
    .command(agents)
    .command(apply)
    .command(tools)
    .command(call)
    .command(providers)
    .command(connectors)
    .command(members)
    .command(audit)
    .command(usage)
    .command(budgets)
    .command(webhooks)
    .command(deadLetters)
    .command(vault)
    .command(install)
    .middleware((given) => keepDashes(args, given))
    .completion('completion', 'Print a completion script for bash or zsh: keyward completion >> ~/.bashrc')
    .updateStrings({
      'Not enough non-option arguments: got %s, need at least %s': {
        one: 'Something is missing: %s given, %s needed. The same with --help says what.',
        other: 'Something is missing: %s given, %s needed. The same with --help says what.',
      },
    } as unknown as Record<string, string>)
    .epilogue(EPILOGUE)
    .demandCommand(1, 'Name a command.')
    .recommendCommands()
    .strict()
    .wrap(Math.min(110, process.stdout.columns ?? 100))
    .fail((message: string | undefined, error: Error | undefined) => {
      throw error ?? new Usage(message ?? 'That is not a command.');
    });
}

/** yargs makes an empty text of an argument that is `-` alone, by which standard input is meant. */
function keepDashes(args: readonly string[], given: Record<string, unknown>): void {
  if (!args.includes('-') || args.includes('')) return;
  for (const [name, value] of Object.entries(given)) if (value === '') given[name] = '-';
}
