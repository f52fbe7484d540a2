import { z } from 'zod';
import { toolNameSchema } from './execution.js';
import { idSchema, slugSchema } from './ids.js';
import { toolEffects } from './tool-listing.js';

/** Core broadcast on `control.catalog_changed`: what is cached of this organization's connectors is out of date. */
export const controlCatalogChangedSchema = z.object({ org: idSchema('org') });
export type ControlCatalogChanged = z.infer<typeof controlCatalogChangedSchema>;

const MAX_MANIFEST_CHARACTERS = 131_072;
const MAX_TOOLS_CHARACTERS = 524_288;

/** `POST /v1/connectors`: a connector of the organization's own, or its next version. */
export const postConnectorSchema = z.strictObject({
  organization: idSchema('org'),
  /** connector.yaml as a text */
  manifest: z.string().min(1).max(MAX_MANIFEST_CHARACTERS),
  /** tools.yaml as a text; left out where there are no tools */
  tools: z.string().min(1).max(MAX_TOOLS_CHARACTERS).optional(),
});
export type PostConnector = z.infer<typeof postConnectorSchema>;

const MAX_OVERLAY_CHARACTERS = 131_072;

/** `PUT /v1/connectors/{name}/overlay`: what the organization changes about a connector of the deployment. */
export const putOverlaySchema = z.strictObject({
  organization: idSchema('org'),
  /** overlay.yaml as a text */
  overlay: z.string().min(1).max(MAX_OVERLAY_CHARACTERS),
});
export type PutOverlay = z.infer<typeof putOverlaySchema>;

/** `GET /v1/connectors/{name}/overlay` */
export const connectorOverlaySchema = z.object({
  connector: slugSchema,
  /** Rises with each change. */
  version: z.int(),
  overlay: z.string(),
});
export type ConnectorOverlay = z.infer<typeof connectorOverlaySchema>;

/** An entry of `GET /v1/connectors`, which answers `{connectors: Connector[], nextCursor}`. */
export const connectorSchema = z.object({
  name: slugSchema,
  title: z.string(),
  description: z.string(),
  categories: z.array(z.string()),
  documentation: z.string().nullable(),
  /** Kind of grant. */
  kind: z.string(),
  /** Scopes that a connect session asks for when it names none. */
  scopes: z.array(z.string()),
  /** deployment: every organization has it; organization: posted by this one. */
  origin: z.enum(['deployment', 'organization']),
  /** Of a posted one: rises with each change. */
  version: z.int().nullable(),
  /** How many it has. */
  tools: z.int(),
});
export type Connector = z.infer<typeof connectorSchema>;

/** What must be stated besides credentials: of a registration, or of a connection. */
const parameterSchema = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  example: z.string().nullable(),
  type: z.string(),
  oneOf: z.array(z.string()).nullable(),
  default: z.string().nullable(),
  required: z.boolean(),
});

/** How well the facts of a source are known: read with the vendor, elsewhere, or not compared yet. */
const sourceKinds = ['vendor', 'secondary', 'unverified'] as const;

/** `GET /v1/connectors/{name}` */
export const connectorDetailSchema = connectorSchema.extend({
  /** What each scope allows, in words, where the connector says so. */
  scopeDescriptions: z.record(z.string(), z.string()),
  /** Of a provider app (registration). */
  appParameters: z.array(parameterSchema),
  /** Of a connection, as far as a person states them. */
  connectionParameters: z.array(parameterSchema),
  /** Origins that the credential may be sent to. */
  origins: z.array(z.string()),
  sources: z.array(z.object({ page: z.string(), checked: z.iso.date(), seen: z.enum(sourceKinds) })),
  toolList: z.array(
    z.object({ name: toolNameSchema, title: z.string(), effect: z.enum(toolEffects), scopes: z.array(z.array(z.string())) }),
  ),
  /** As posted; null for a connector of the deployment. */
  posted: z.object({ manifest: z.string(), tools: z.string().nullable() }).nullable(),
});
export type ConnectorDetail = z.infer<typeof connectorDetailSchema>;
