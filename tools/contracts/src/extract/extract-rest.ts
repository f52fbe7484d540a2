import {
  type Contract,
  namesOf,
  type Operation,
  type Parameter,
  type PathItem,
  type Schema,
  type SourceFacts,
} from '@keyward/vendor-emulation';
import type { SourceFile } from '../sources/vendor-source.js';
import type { DeclaredRequest } from './declared-requests.js';
import { findOperation, type Found, type ReadSource } from './find-operation.js';
import { CUT, Reachable } from './reachable.js';
import { readDescription } from './read-description.js';

export interface Extract {
  readonly contract: Contract;
  /** Requests that no description lists. */
  readonly missing: readonly DeclaredRequest[];
}

/** The contract of the operations that these requests are. */
export function extractRest(
  connector: string,
  dir: string,
  files: readonly SourceFile[],
  requests: readonly DeclaredRequest[],
): Extract {
  const read = files.map((source) => ({ source, ...readDescription(dir, source) }));
  const sources = read.filter(({ source }) => !source.answers_only);
  const answers = read.filter(({ source }) => source.answers_only);
  const paths = new Map<string, Record<string, unknown>>();
  const used = new Set<SourceFacts>();
  const missing: DeclaredRequest[] = [];
  for (const request of requests) {
    const found = findOperation(request, sources);
    if (found === undefined) {
      missing.push(request);
      continue;
    }
    const answer = findAnswer(found, answers);
    for (const { description, facts } of read) {
      if (description === found.from.description || (answer !== undefined && description === answer.from.description))
        used.add(facts);
    }
    const at = pathOf(request, found);
    const item = paths.get(at) ?? { servers: [{ url: found.listed.server }] };
    paths.set(at, { ...item, [request.method]: operationAt(request, at, found, answer?.listed.facts().responses) });
  }
  return { contract: { ...assemble(connector, paths, read, [...used]), ...undescribed(missing) }, missing };
}

function undescribed(missing: readonly DeclaredRequest[]): Pick<Contract, 'x-undescribed'> {
  const named = missing.flatMap(({ method, address }) => (address === undefined ? [] : [`${method.toUpperCase()} ${address}`]));
  return named.length === 0 ? {} : { 'x-undescribed': [...new Set(named)].sort() };
}

/** The older file's answer to the same operation, whatever its method there. */
function findAnswer(found: Found, answers: readonly ReadSource[]): Found | undefined {
  for (const from of answers) {
    const same = from.description.operations.filter(({ address }) => address === found.listed.address);
    const listed = same.find(({ method }) => method === found.listed.method) ?? same[0];
    if (listed !== undefined) return { listed, from, asked: undefined };
  }
  return undefined;
}

/** The vendor's own path, or the tool's where it says more: what the description writes otherwise, or a word for a placeholder. */
function pathOf({ address = '' }: DeclaredRequest, { listed, asked }: Found): string {
  const tools = asked ?? address.slice(listed.server.length);
  return asked === undefined && namesOf(listed.path).length === namesOf(tools).length ? listed.path : tools.replace(/\{\+/g, '{');
}

function operationAt(
  request: DeclaredRequest,
  path: string,
  { listed }: Found,
  responses: Operation['responses'] | undefined,
): Operation {
  const { parameters: theirs = [], ...facts } = listed.facts();
  const described = path === listed.path ? {} : { 'x-described-as': `${listed.method.toUpperCase()} ${listed.path}` };
  const parameters = [...parametersOfPath(request, path, listed), ...theirs.filter((one) => one.in !== 'path')];
  return {
    ...described,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...facts,
    ...(responses === undefined ? {} : { responses }),
  };
}

/** Exactly the placeholders that the path has here, as the vendor describes what stands in their segments. */
function parametersOfPath({ address = '' }: DeclaredRequest, path: string, listed: Found['listed']): Parameter[] {
  const theirs = listed.path.split('/');
  const ours = path.split('/');
  const declared = (listed.facts().parameters ?? []).filter((one) => one.in === 'path');
  return ours.flatMap((segment, index) => {
    const names = theirs.length === ours.length ? namesOf(theirs[index] ?? '') : [];
    return namesOf(segment).map((name, nth): Parameter => {
      const found = declared.find((parameter) => parameter.name === (names[nth] ?? name));
      const many = address.includes(`{+${name}}`) ? { 'x-segments': 'many' as const } : {};
      return { ...(found ?? { in: 'path', required: true, schema: { type: 'string' } }), ...many, name };
    });
  });
}

function assemble(
  connector: string,
  paths: ReadonlyMap<string, Record<string, unknown>>,
  sources: readonly ReadSource[],
  facts: readonly SourceFacts[],
): Contract {
  const reachable = new Reachable((name) => firstSchema(sources, name));
  for (const operation of [...paths.values()].flatMap(operationsOf)) {
    reachable.addRequest([operation.parameters, operation.requestBody]);
    reachable.addAnswer(operation.responses);
  }
  return {
    openapi: '3.1.0',
    info: { title: connector, version: facts.map(({ date }) => date).join(', '), 'x-sources': facts, 'x-cut': CUT },
    paths: Object.fromEntries(
      [...paths].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, item]) => [path, reachable.rewritten(item) as PathItem]),
    ),
    components: { schemas: reachable.schemas() },
  };
}

const operationsOf = ({ servers: _servers, ...operations }: Record<string, unknown>) => Object.values(operations) as Operation[];

function firstSchema(sources: readonly ReadSource[], name: string): Schema | undefined {
  for (const { description } of sources) {
    const schema = description.schema(name);
    if (schema !== undefined) return schema;
  }
  return undefined;
}
