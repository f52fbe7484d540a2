import { z } from 'zod';
import { endpointUrlSchema, isCleanBaseUrl, isSerialisedOrigin } from './url-rules.js';

/**
 * `${name}` stands for a variable of the deployment and is filled when the manifest is loaded. What is known only later has a dot in
 * its name, or is the secret itself, and is filled when it is used.
 */
export const LATE_REFERENCE =
  /\$\{(connection\.[a-z][a-z0-9_]*|app\.[a-z][a-z0-9_]*|client\.id|client\.secret|token\.[a-z][a-z0-9_]*|key\.fingerprint_sha256|secret)\}/g;

/** Those of them that are known before a request is made, and are filled by resolveProvider. */
export const FILLED_BEFOREHAND = /\$\{(connection\.[a-z][a-z0-9_]*|app\.[a-z][a-z0-9_]*|client\.id)\}/g;

/** For a check of the surroundings: whatever will stand there is as harmless as this. */
function withSamples(text: string): string {
  return text.replace(LEADING_ORIGIN, 'https://sample.example').replace(LATE_REFERENCE, 'sample');
}

/** What an address begins with can only be a parameter of the type `origin`; address-references.ts checks that it is one. */
const LEADING_ORIGIN = /^\$\{(?:connection|app)\.[a-z][a-z0-9_]*\}(?=$|[/?])/;

/** An https URL in which `${connection.…}` and `${app.…}` may stand. Checked again once they are filled. */
export const endpointTemplateSchema = z
  .string()
  .max(2048)
  .refine(
    (text) => endpointUrlSchema.safeParse(withSamples(text)).success,
    'must be an https URL (http on loopback only) without user name, password or fragment',
  );

export const baseUrlTemplateSchema = endpointTemplateSchema.refine(
  (text) => isCleanBaseUrl(withSamples(text)),
  'must have no query, no fragment, no dot segments and no trailing slash',
);

export const originTemplateSchema = endpointTemplateSchema.refine(
  (text) => isSerialisedOrigin(withSamples(text)),
  'must be an origin alone: scheme, host and port, no path, no trailing slash',
);

/** `https://*.example.com` stands for every host below that domain, and not for the domain itself. */
export const toldOriginSchema = z
  .string()
  .max(300)
  .refine(
    (text) => /^https:\/\/(?:\*\.[a-z0-9-]+\.)?[^*]+$/.test(text) && isSerialisedOrigin(text.replace('*.', '')),
    'must be an https origin, or https://*. and a domain of at least two labels',
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
