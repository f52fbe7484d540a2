import { z } from 'zod';
import { fragment, type ReportProblem } from './fragment.js';

export type CheckpointSigningConfig = (
  { kind: 'local'; keyFile: string } | { kind: 'aws'; keyId: string; region?: string; endpoint?: string }
) & {
  /** JWKS file of the public keys that signed before. */
  previousKeysFile?: string;
};

const httpUrl = z.string().refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
  message: 'it must be a URL that starts with http:// or https://',
});

const shape = {
  KEYWARD_AUDIT_SIGNING: z.enum(['local', 'aws']).describe('local or aws').optional(),
  KEYWARD_AUDIT_SIGNING_KEY_FILE: z.string().optional(),
  KEYWARD_AUDIT_SIGNING_KEY_ID: z.string().optional(),
  KEYWARD_AUDIT_SIGNING_REGION: z.string().optional(),
  KEYWARD_AUDIT_SIGNING_ENDPOINT: httpUrl.optional(),
  KEYWARD_AUDIT_SIGNING_PREVIOUS_KEYS_FILE: z.string().optional(),
};
type Values = z.infer<z.ZodObject<typeof shape>>;

/** Undefined where nothing is said: checkpoints are not signed then. */
export const checkpointSigningConfig = fragment(shape, (env, report): CheckpointSigningConfig | undefined => {
  reportForeign(env, report);
  const kind = env.KEYWARD_AUDIT_SIGNING;
  if (kind === undefined) return undefined;
  const previousKeysFile = env.KEYWARD_AUDIT_SIGNING_PREVIOUS_KEYS_FILE;
  const previous = previousKeysFile === undefined ? {} : { previousKeysFile };
  if (kind === 'local') {
    if (env.KEYWARD_AUDIT_SIGNING_KEY_FILE === undefined)
      report(
        'KEYWARD_AUDIT_SIGNING_KEY_FILE is missing. KEYWARD_AUDIT_SIGNING=local needs the path of an Ed25519 key (PKCS#8 PEM).',
      );
    return { kind, keyFile: env.KEYWARD_AUDIT_SIGNING_KEY_FILE ?? '', ...previous };
  }
  if (env.KEYWARD_AUDIT_SIGNING_KEY_ID === undefined)
    report(
      'KEYWARD_AUDIT_SIGNING_KEY_ID is missing. KEYWARD_AUDIT_SIGNING=aws needs the id, ARN or alias of an ECC_NIST_P256 key.',
    );
  return {
    kind,
    keyId: env.KEYWARD_AUDIT_SIGNING_KEY_ID ?? '',
    ...(env.KEYWARD_AUDIT_SIGNING_REGION === undefined ? {} : { region: env.KEYWARD_AUDIT_SIGNING_REGION }),
    ...(env.KEYWARD_AUDIT_SIGNING_ENDPOINT === undefined ? {} : { endpoint: env.KEYWARD_AUDIT_SIGNING_ENDPOINT }),
    ...previous,
  };
});

function reportForeign(env: Values, report: ReportProblem): void {
  const kind = env.KEYWARD_AUDIT_SIGNING;
  const own = { local: ['KEY_FILE'], aws: ['KEY_ID', 'REGION', 'ENDPOINT'] } as const;
  for (const [other, parts] of Object.entries(own)) {
    const foreign = other === kind ? undefined : parts.find((part) => env[`KEYWARD_AUDIT_SIGNING_${part}`] !== undefined);
    if (foreign !== undefined)
      report(`KEYWARD_AUDIT_SIGNING_${foreign} goes with KEYWARD_AUDIT_SIGNING=${other}. Remove it, or set that.`);
  }
}
