import { z } from 'zod';
import { fragment, type ConfigFragment } from './fragment.js';

export type ObjectsConfig =
  | { kind: 'file'; dir: string }
  | { kind: 's3'; bucket: string; prefix?: string; region?: string; endpoint?: string; kmsKeyId?: string };

const OBJECT_PREFIX = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/;
const OWN = { file: ['DIR'], s3: ['BUCKET', 'PREFIX', 'REGION', 'ENDPOINT', 'KMS_KEY_ID'] } as const;

const httpUrl = z.string().refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
  message: 'it must be a URL that starts with http:// or https://',
});
const prefixSchema = z.string().regex(OBJECT_PREFIX, 'it must be segments of A-Z a-z 0-9 _ - joined by slashes').optional();

/** A store for objects, named by variables that begin alike. Where the first is left out there is none. */
export function objectStoreConfig(name: string): ConfigFragment<ObjectsConfig | undefined> {
  const shape: Record<string, z.ZodType<string | undefined>> = {
    [name]: z.enum(['file', 's3']).describe('file or s3').optional(),
    [`${name}_DIR`]: z.string().optional(),
    [`${name}_BUCKET`]: z.string().optional(),
    [`${name}_PREFIX`]: prefixSchema,
    [`${name}_REGION`]: z.string().optional(),
    [`${name}_ENDPOINT`]: httpUrl.optional(),
    [`${name}_KMS_KEY_ID`]: z.string().optional(),
  };
  return fragment(shape, (env, report): ObjectsConfig | undefined => {
    const value = (part: string): string | undefined => env[`${name}_${part}`];
    const kind = env[name];
    for (const [other, parts] of Object.entries(OWN)) {
      const foreign = other === kind ? undefined : parts.find((part) => value(part) !== undefined);
      if (foreign !== undefined) report(`${name}_${foreign} goes with ${name}=${other}. Remove it, or set that.`);
    }
    if (kind === undefined) return undefined;
    if (kind === 'file') {
      if (value('DIR') === undefined) report(`${name}_DIR is missing. ${name}=file needs a directory.`);
      return { kind, dir: value('DIR') ?? '' };
    }
    if (value('BUCKET') === undefined) report(`${name}_BUCKET is missing. ${name}=s3 needs the name of a bucket.`);
    const [prefix, region, endpoint, kmsKeyId] = ['PREFIX', 'REGION', 'ENDPOINT', 'KMS_KEY_ID'].map(value);
    return {
      kind: 's3',
      bucket: value('BUCKET') ?? '',
      ...(prefix === undefined ? {} : { prefix }),
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
    };
  });
}
