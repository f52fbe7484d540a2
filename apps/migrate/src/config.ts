import type { LoginSettings, ServiceRole } from '@keyward/postgres';
import { databaseConfig, fragment, secret } from '@keyward/service-host';
import { z } from 'zod';

const login = z.strictObject({ login: z.string().min(1).max(63), password: z.string().regex(/^[\x20-\x7e]{12,1000}$/) });

/** One login per service, named by its role in the database. */
const loginsSchema = z
  .strictObject({ gateway: login, auth: login, refresher: login, executor: login, audit: login })
  .partial()
  .transform((logins) =>
    Object.entries(logins).flatMap(([service, given]) =>
      given === undefined ? [] : [{ service: service as ServiceRole, ...given }],
    ),
  )
  .refine((logins) => new Set(logins.map(({ login }) => login)).size === logins.length, {
    message: 'each service needs a login of its own',
  });

const EXPECTED =
  'JSON such as {"gateway":{"login":"keyward_gateway_login","password":"<12 characters or more>"}}, for gateway, auth, refresher, executor, audit';

const loginsText = z.string().transform((text, ctx): LoginSettings[] => {
  const parsed = loginsSchema.safeParse(parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `/${issue.path.join('/')}: `;
  ctx.addIssue({ code: 'custom', message: `${where}${issue?.message ?? 'not accepted'}` });
  return z.NEVER;
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const migrateConfig = {
  database: databaseConfig,
  logins: fragment(
    { KEYWARD_DATABASE_LOGINS: secret(loginsText.describe(EXPECTED).optional()) },
    (env) => env.KEYWARD_DATABASE_LOGINS ?? [],
  ),
};
