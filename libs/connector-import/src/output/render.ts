import { Scalar, stringify } from 'yaml';

const STYLE = { lineWidth: 130, aliasDuplicateObjects: false, version: '1.2', schema: 'core' } as const;

/** One value as YAML that reads back the same. */
export function yamlOf(value: unknown): string {
  return stringify(value, { ...STYLE, defaultStringType: Scalar.PLAIN });
}

/** A tool as an item of a list. */
export function blockOf(definition: unknown): string {
  return yamlOf([definition]);
}
