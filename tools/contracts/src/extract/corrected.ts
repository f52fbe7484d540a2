import { isObject, type Parameter, type Schema } from '@keyward/vendor-emulation';
import type { SourceFile } from '../sources/vendor-source.js';
import type { Description, Listed } from './description.js';

/** A description with what `sources.yaml` corrects in it, marked with the page that says so. */
export function corrected(description: Description, { corrections, prefix }: SourceFile): Description {
  if (corrections.length === 0) return description;
  return {
    operations: description.operations.map((listed) => withParameters(listed, corrections)),
    schema: (name) => {
      const schema = description.schema(name);
      return corrections
        .filter((one) => one.schema !== undefined && prefix + one.schema === name)
        .reduce<Schema | undefined>((found, one) => (found === undefined ? found : replaced(found, one)), schema);
    },
  };
}

type Correction = SourceFile['corrections'][number];

function replaced(schema: Schema, { member, is, page }: Correction): Schema {
  const marked = { ...is, 'x-corrected': page };
  if (member === undefined) return marked;
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  return { ...schema, properties: { ...properties, [member]: marked } };
}

function withParameters(listed: Listed, corrections: readonly Correction[]): Listed {
  const more = corrections.flatMap(({ path, parameter, is, page }): Parameter[] =>
    path === undefined || parameter === undefined || !new RegExp(path).test(listed.path)
      ? []
      : [{ name: parameter, in: 'query', schema: { ...is, 'x-corrected': page } }],
  );
  if (more.length === 0) return listed;
  return {
    ...listed,
    facts: () => {
      const facts = listed.facts();
      return { ...facts, parameters: [...(facts.parameters ?? []), ...more] };
    },
  };
}
