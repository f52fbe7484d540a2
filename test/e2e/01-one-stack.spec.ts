import { badInput } from './one-stack/bad-input.js';
import { firstCall } from './one-stack/first-call.js';
import { manifestAndCustody } from './one-stack/manifest-and-custody.js';
import { wholeSystem } from './support/whole-system.js';

// One stack for all: starting it takes longer than they do. The first call comes first, as nobody has connected then.
const system = wholeSystem();
firstCall(system);
badInput(system);
manifestAndCustody(system);
