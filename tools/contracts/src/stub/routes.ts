import { addressPattern, isObject, literalLength, parsed, type SentRequest } from '@keyward/vendor-emulation';
import { declaredRequests } from '../extract/declared-requests.js';

/** Which step of which tool a request is: samples and pages are told by those. */
export interface Route {
  readonly tool: string;
  readonly step: string;
}

/** The steps of a connector that send such a request, those first whose path says most. */
export class Routes {
  private readonly all: readonly (Route & {
    method: string;
    pathname: RegExp;
    document: string | undefined;
    literal: number;
  })[];

  constructor(dir: string, connector: string) {
    this.all = declaredRequests(dir, connector)
      .flatMap(({ tool, id, method, address, document }) => {
        if (address === undefined) return [];
        const path = address.replace(/^(?:https?:\/\/[^/]+|\{[^}]+\})/, '');
        const pathname = addressPattern(path);
        // The second page of a listing is answered as its first one was.
        return [{ tool, step: id === 'next' ? 'request' : id, method, pathname, document, literal: literalLength(path) }];
      })
      .sort((a, b) => b.literal - a.literal);
  }

  /** @param playing the tool that is being called, where that is known */
  of(request: SentRequest, playing: string | undefined): Route | undefined {
    const { pathname } = new URL(request.url);
    const document = documentOf(request);
    const fitting = this.all.filter(
      (route) =>
        route.method === request.method.toLowerCase() &&
        route.pathname.test(pathname) &&
        (route.document === undefined || route.document.trim() === document),
    );
    return fitting.find(({ tool }) => tool === playing) ?? fitting[0];
  }
}

function documentOf({ body }: SentRequest): string | undefined {
  const sent = parsed(String(body ?? ''));
  return isObject(sent) && typeof sent['query'] === 'string' ? sent['query'].trim() : undefined;
}
