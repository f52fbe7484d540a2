import { hideBin } from 'yargs/helpers';
import { fail } from './output/fail.js';
import { program } from './program.js';

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program(hideBin(process.argv)).parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}
