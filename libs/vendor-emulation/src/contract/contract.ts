import type { Schema } from '../schema.js';

export const methods = ['get', 'put', 'post', 'delete', 'patch'] as const;
export type Method = (typeof methods)[number];

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: true;
  readonly schema: Schema;
  /** Query: an array as `a=1&a=2` (true, as OpenAPI has it) or `a=1,2` (false). */
  readonly explode?: boolean;
  /** Path: stands for several segments. */
  readonly 'x-segments'?: 'many';
}

export interface Media {
  readonly schema?: Schema;
  /** Forms: fields that are lists, and may be written as `a,b`. */
  readonly encoding?: Readonly<Record<string, { readonly explode: false }>>;
}

export type Content = Readonly<Record<string, Media>>;

export interface Operation {
  /** The vendor's own words where they are others: `GET /drives/{drive-id}/items/{driveItem-id}`. */
  readonly 'x-described-as'?: string;
  /** Set where the description tells method and path alone: then parameters and body are free. */
  readonly 'x-described'?: 'path';
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: true; readonly content: Content };
  /** RFC 7396: a member that is null is taken away, whatever its schema. */
  readonly 'x-null-clears'?: true;
  readonly responses: Readonly<Record<string, { readonly description: ''; readonly content?: Content }>>;
}

export interface SourceFacts {
  readonly file: string;
  /** Of the bytes as the vendor gives them, uncompressed. */
  readonly sha256: string;
  readonly date: string;
  readonly licence: string;
}

export type PathItem = { readonly servers?: readonly { readonly url: string }[] } & {
  readonly [method in Method]?: Operation;
};

/** `connectors/<c>/contract.json`: OpenAPI 3.1, facts of the operations that the tools use and nothing else. */
export interface Contract {
  readonly openapi: '3.1.0';
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly 'x-sources': readonly SourceFacts[];
    readonly 'x-cut': string;
  };
  readonly servers?: readonly { readonly url: string }[];
  /** Requests of tools that no description lists: `POST https://api.example.com/things`. The tools cite the vendor's documentation. */
  readonly 'x-undescribed'?: readonly string[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
