import type { Parameter } from './contract.js';
import { judgeBody } from './judge-body.js';
import { judgeTexts } from './texts.js';
import type { ContractOperation, VendorContract } from './vendor-contract.js';

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string | undefined;
}

export interface Verdict {
  /** The one that the request is; of several that have its address, the one that it fits best. */
  readonly operation: ContractOperation | undefined;
  /** What stands in its path. */
  readonly inPath: Readonly<Record<string, string>>;
  /** Nothing: the request is as the vendor describes it. */
  readonly problems: readonly string[];
}

/** @param anywhere whether the vendor's server may be at another origin, as a stub of it is */
export async function judgeRequest(contract: VendorContract, request: SentRequest, anywhere = false): Promise<Verdict> {
  const url = new URL(request.url);
  const address = anywhere ? url.pathname : url.origin + url.pathname;
  const pattern = anywhere ? ('pathname' as const) : ('address' as const);
  const fitting = contract.operations.filter((one) => one[pattern].test(address));
  const candidates = fitting.filter(({ method }) => method === request.method.toLowerCase());
  if (candidates.length === 0) {
    const others = fitting.map(({ method }) => method.toUpperCase()).join(', ');
    const why = others === '' ? 'no operation of the description' : `the description has ${others} there alone`;
    return { operation: undefined, inPath: {}, problems: [`${request.method} ${address}: ${why}`] };
  }
  const verdicts: Verdict[] = [];
  for (const operation of candidates) {
    const values = operation[pattern].exec(address)?.slice(1) ?? [];
    const names = operation.names.slice(operation.names.length - values.length);
    const inPath = Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(values[index] ?? '')]));
    verdicts.push({ operation, inPath, problems: await judgeAgainst(contract, operation, request, inPath) });
  }
  return verdicts.reduce((best, verdict) => (verdict.problems.length < best.problems.length ? verdict : best));
}

async function judgeAgainst(
  contract: VendorContract,
  { operation }: ContractOperation,
  request: SentRequest,
  inPath: Readonly<Record<string, string>>,
): Promise<string[]> {
  if (operation['x-described'] === 'path') return [];
  const declared = operation.parameters ?? [];
  const query = new URL(request.url).searchParams;
  const of = (place: Parameter['in']) => declared.filter((parameter) => parameter.in === place);
  return [
    ...of('path').flatMap((one) => judgeTexts(contract, one, inPath[one.name] === undefined ? [] : [inPath[one.name] ?? ''])),
    ...of('query').flatMap((one) => judgeTexts(contract, one, [...query.getAll(one.name), ...query.getAll(`${one.name}[]`)])),
    ...of('header').flatMap((one) => judgeTexts(contract, one, [request.headers[one.name.toLowerCase()] ?? []].flat())),
    ...unknownIn(query, of('query')),
    ...(await judgeBody(contract, operation, request)),
  ];
}

function unknownIn(query: URLSearchParams, declared: readonly Parameter[]): string[] {
  const known = new Set(declared.flatMap(({ name }) => [name, `${name}[]`]));
  return (
    [...new Set(query.keys())]
      // OData's annotations and aliases are parameters of every request.
      .filter((name) => !known.has(name) && !name.startsWith('@'))
      .map((name) => `query ${name}: is no parameter of this operation`)
  );
}
