import { readFileSync } from 'node:fs';
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
