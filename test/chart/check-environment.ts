/** Reads rendered manifests (`helm template`) from standard input; exits with 1 where a program would not take its environment. */
import { text } from 'node:stream/consumers';
import yaml from 'yaml';
import { environmentProblems, type Manifest } from './environment.js';

const manifests = yaml.parseAllDocuments(await text(process.stdin)).map((document) => (document.toJSON() ?? {}) as Manifest);
const problems = environmentProblems(manifests);
for (const problem of problems) console.error(problem);
console.log(`${manifests.length} manifests, ${problems.length} problems with environments`);
process.exitCode = problems.length === 0 ? 0 : 1;
