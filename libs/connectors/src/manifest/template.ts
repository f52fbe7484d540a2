import { z } from 'zod';
import { endpointUrlSchema, isCleanBaseUrl, isSerialisedOrigin } from './url-rules.js';

/**
 * `${name}` stands for a variable of the deployment and is filled when the manifest is loaded. What is known only later has a dot in
 * its name, or is the secret itself, and is filled when it is used.
 */
export const LATE_REFERENCE =
  /\$\{(connection\.[a-z][a-z0-9_]*|app\.[a-z][a-z0-9_]*|client\.id|client\.secret|token\.[a-z][a-z0-9_]*|key\.fingerprint_sha256|secret)\}/g;

/** For a check of the surroundings: whatever will stand there is as harmless as this. */
function withSamples(text: string): string {
  return text.replace(LATE_REFERENCE, 'sample');
}

const lateUrl = z.string().max(2048);

/** An https URL in which `${connection.…}` and `${app.…}` may stand. Checked again once they are filled. */
export const endpointTemplateSchema = lateUrl.refine(
  (text) => endpointUrlSchema.safeParse(withSamples(text)).success,
  'must be an https URL (http on loopback only) without user name, password or fragment',
);

export const baseUrlTemplateSchema = endpointTemplateSchema.refine(
  (text) => isCleanBaseUrl(withSamples(text)),
  'must have no query, no fragment, no dot segments and no trailing slash',
);

/** `${connection.…}` of the type `origin` alone is an origin too: it is one once it is filled. */
export const originTemplateSchema = lateUrl.refine(
  (text) => /^\$\{connection\.[a-z][a-z0-9_]*\}$/.test(text) || isSerialisedOrigin(withSamples(text)),
  'must be an origin alone: scheme, host and port, no path, no trailing slash',
);

/** Any text in which late references may stand. */
export const templateSchema = z.string().max(2048);

export const parameterNameSchema = z.string().regex(/^[A-Za-z0-9_.[\]-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ . - [ ]');
export const parametersSchema = z.record(parameterNameSchema, templateSchema).default({});

/** RFC 6901; the empty text is the whole document. */
export const pointerSchema = z
  .string()
  .max(256)
  .regex(/^(\/[^/]*)*$/, 'must be a JSON Pointer (RFC 6901)');
