import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { parse } from 'yaml';
import { jsonSchemas } from './json-schemas.js';

const connectors = join(import.meta.dirname, '../../../../connectors');

describe('the published JSON Schemas of connectors', () => {
  it.each([...jsonSchemas()])('%s is current (nx run connectors:schemas writes it)', (name, text) => {
    expect(JSON.parse(readFileSync(join(connectors, 'schema', name), 'utf8'))).toEqual(JSON.parse(text));
  });

  it.each([
    ['unified.schema.json', readdirSync(connectors).map((name) => `${name}/unified.yaml`)],
    ['unified-family.schema.json', readdirSync(join(connectors, 'unified')).map((name) => `unified/${name}`)],
  ])('%s accepts all our own', (schemaName, candidates) => {
    const schema: object = JSON.parse(readFileSync(join(connectors, 'schema', schemaName), 'utf8'));
    const validate = new Ajv2020({ formats: fullFormats, allowUnionTypes: true }).compile(schema);
    const files = candidates.filter((file) => existsSync(join(connectors, file)));
    expect(files.length).toBeGreaterThanOrEqual(5);
    const refused = files.filter((file) => !validate(parse(readFileSync(join(connectors, file), 'utf8'))));
    expect(refused).toEqual([]);
    expect(validate({ ...(parse(readFileSync(join(connectors, files[0] ?? ''), 'utf8')) as object), 'a b': {} })).toBe(false);
  });

  it.each([
    ['connector.schema.json', 'connector.yaml'],
    ['tools.schema.json', 'tools.yaml'],
  ])('%s accepts our own %s and refuses an unknown member', (schemaName, file) => {
    const schema: object = JSON.parse(readFileSync(join(connectors, 'schema', schemaName), 'utf8'));
    const validate = new Ajv2020({ formats: fullFormats, allowUnionTypes: true }).compile(schema);
    const document: object = parse(readFileSync(join(connectors, 'sandbox', file), 'utf8'));
    expect({ ok: validate(document), errors: validate.errors }).toEqual({ ok: true, errors: null });
    const first: object = Array.isArray(document) ? document[0] : document;
    Object.assign(first, { surprise: true });
    expect(validate(document)).toBe(false);
  });
});
