import { upgradeFromTwoToThree } from '@scalar/openapi-upgrader/2.0-to-3.0';
import { ImportError } from '../import-error.js';
import { isNode, own, type Node } from '../node.js';
import { pointedAt } from '../schema/pointer.js';

/** An OpenAPI description of 3.0, 3.1 or 3.2; one of Swagger 2.0 is made one of 3.0 first. Nothing outside of it is read. */
export class OpenApiDocument {
  readonly #targets = new Map<string, unknown>();

  private constructor(
    readonly root: Node,
    /** As it says itself. */
    readonly version: string,
  ) {}

  /** @throws ImportError where it is of no version that is known */
  static of(source: Node): OpenApiDocument {
    if (own(source, 'swagger') === '2.0') return new OpenApiDocument(upgraded(source), 'Swagger 2.0');
    const version = own(source, 'openapi');
    if (typeof version === 'string' && /^3\.[012](\.|$)/.test(version))
      return new OpenApiDocument(source, `OpenAPI ${version.slice(0, 20)}`);
    throw new ImportError(
      'The description is of no version that can be imported.',
      'It must be Swagger 2.0, or OpenAPI 3.0, 3.1 or 3.2; other versions can be converted to one of these first.',
    );
  }

  /** What a `$ref` names; undefined where that is outside of the document, or nowhere. */
  resolve = (reference: string): unknown => {
    if (this.#targets.has(reference)) return this.#targets.get(reference);
    const target = pointedAt(this.root, reference);
    this.#targets.set(reference, target);
    return target;
  };

  /** The object that stands there, or that a reference there leads to. */
  node(value: unknown): Node | undefined {
    let node = value;
    for (let followed = 0; isNode(node) && typeof node['$ref'] === 'string'; followed++) {
      if (followed > 20) return undefined;
      node = this.resolve(node['$ref']);
    }
    return isNode(node) ? node : undefined;
  }
}

function upgraded(source: Node): Node {
  try {
    return upgradeFromTwoToThree(structuredClone(source)) as unknown as Node;
  } catch (cause) {
    throw new ImportError('The description of Swagger 2.0 can not be read.', 'Convert it to OpenAPI 3 first, and import that.', {
      cause,
    });
  }
}
