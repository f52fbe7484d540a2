import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchemas } from './json-schemas.js';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: publish-cli <folder of the JSON Schemas, such as connectors/schema>');
for (const [name, text] of jsonSchemas()) writeFileSync(join(folder, name), text);
