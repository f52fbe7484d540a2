/** The root package's `postinstall`: remembers which lock file node_modules was made from. */
import { writeFileSync } from 'node:fs';
import { stampFile, wantedStamp } from './install.mjs';

writeFileSync(stampFile, wantedStamp());
