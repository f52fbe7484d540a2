/** The root package's `postinstall`: remembers which lock file node_modules was made from. */
import { existsSync, writeFileSync } from 'node:fs';
import { stampFile, wantedStamp } from './install.mjs';
import { modules } from './paths.mjs';

// `npm install --package-lock-only` runs this too, and installs nothing.
if (existsSync(modules)) writeFileSync(stampFile, wantedStamp());
