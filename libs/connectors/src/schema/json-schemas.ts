import { z } from 'zod';
import { providerManifestSchema } from '../manifest/provider-manifest.js';
import { toolFileSchema } from '../manifest/tool-definition.js';
import { overlaySchema } from '../overlay/overlay-definition.js';
import { unifiedFamilySchema, unifiedMappingsSchema } from '../unified/unified-definition.js';

const published = { io: 'input', target: 'draft-2020-12', reused: 'ref' } as const;

/** What editors complete and check connectors with: file name under connectors/schema/ → its text. */
export function jsonSchemas(): ReadonlyMap<string, string> {
  return new Map([
    ['connector.schema.json', text(z.toJSONSchema(providerManifestSchema, published), 'connector.yaml of a Keyward connector')],
    ['tools.schema.json', text(z.toJSONSchema(toolFileSchema, published), 'tools.yaml of a Keyward connector')],
    ['overlay.schema.json', text(z.toJSONSchema(overlaySchema, published), 'overlay.yaml of an organization')],
    ['unified.schema.json', text(z.toJSONSchema(unifiedMappingsSchema, published), 'unified.yaml of a Keyward connector')],
    ['unified-family.schema.json', text(z.toJSONSchema(unifiedFamilySchema, published), 'A family of Keyward’s unified tools')],
  ]);
}

function text(schema: object, title: string): string {
  return `${JSON.stringify({ ...schema, title }, null, 2)}\n`;
}
