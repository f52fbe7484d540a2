import type { FastifyInstance } from 'fastify';

/** Which methods a path knows: the router tells only whether method and path together match. Asked once a request has failed. */
export class Routes {
  private readonly methods = new Map<string, Set<string>>();

  watch(instance: FastifyInstance): void {
    instance.addHook('onRoute', ({ url, method }) => {
      const known = this.methods.get(url) ?? new Set();
      for (const one of [method].flat()) known.add(one);
      this.methods.set(url, known);
    });
  }

  methodsAt(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '';
    const found = [...this.methods].filter(([template]) => matches(template, path)).flatMap(([, methods]) => [...methods]);
    return [...new Set(found)].sort();
  }
}

/** Segment by segment: `:name` stands for one that is not empty, a final `*` for all that follow. */
function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  for (const [index, segment] of wanted.entries()) {
    if (segment === '*') return true;
    const actual = given[index];
    if (actual === undefined || (segment.startsWith(':') ? actual === '' : segment !== actual)) return false;
  }
  return wanted.length === given.length;
}
