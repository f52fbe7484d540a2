import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone: this file is in tools/stack/src or, built, in tools/stack/dist. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
