import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { exportLineSchema } from '@keyward/audit';
import { EphemeralSigner, sampleEvent, sampleExport } from '@keyward/audit/testing';
import { auditEventSchema, newId } from '@keyward/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { z } from 'zod';
import { root } from '../e2e/support/run-program.js';

const at = (name: string): string => path.join(root, 'docs/schema', name);
const published = (name: string): object => JSON.parse(readFileSync(at(name), 'utf8')) as object;
const validatorOf = (name: string) => new Ajv2020({ formats: fullFormats, allowUnionTypes: true }).compile(published(name));

describe('the published JSON Schemas of the trail', () => {
  // Of an event the input: readers take members that later versions add, and hash them.
  it.each([
    ['audit-event.schema.json', auditEventSchema, 'input', 'An event of Keyward’s audit trail'],
    ['audit-export.schema.json', exportLineSchema, 'output', 'A line of an export of Keyward’s audit trail'],
  ] as const)(
    '%s is current (KEYWARD_UPDATE_SCHEMAS=1 npm run jest -- test/audit/schemas writes it)',
    (name, schema, io, title) => {
      const wanted = { ...z.toJSONSchema(schema, { target: 'draft-2020-12', io }), title };
      if (process.env['KEYWARD_UPDATE_SCHEMAS'] === '1') writeFileSync(at(name), `${JSON.stringify(wanted, null, 2)}\n`);
      expect(published(name)).toEqual(wanted);
    },
  );

  it('take every line of an export, and none with a member too many', async () => {
    const validate = validatorOf('audit-export.schema.json');
    const { lines } = await sampleExport({ signer: await EphemeralSigner.create() });
    expect(lines.filter((line) => !validate(line))).toEqual([]);
    expect(lines.filter((line) => validate({ ...line, surprise: true }))).toEqual([]);
  });

  it('take an event, also one with members of a later version, and none without its organization', () => {
    const validate = validatorOf('audit-event.schema.json');
    const event = sampleEvent(1, newId('org'));
    expect([validate(event), validate({ ...event, later: 1 }), validate({ ...event, org: undefined })]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
