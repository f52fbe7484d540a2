import { fullFormats } from 'ajv-formats/dist/formats.js';

/** Those that the arguments of tools are checked against. */
export const knownFormats: ReadonlySet<string> = new Set(Object.keys(fullFormats));
