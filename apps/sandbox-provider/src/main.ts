import { readConfig } from './config.js';
import { startSandbox } from './server.js';

try {
  const config = readConfig(process.env);
  // The database holds tokens.
  process.umask(0o077);
  const sandbox = await startSandbox(config);
  const warning = 'A sandbox for trying Keyward out. Not for production.';
  process.stdout.write(`${JSON.stringify({ event: 'listening', service: 'sandbox-provider', url: sandbox.url, warning })}\n`);

  const stop = () => void sandbox.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
