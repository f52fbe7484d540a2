import type { SandboxConfig } from '../src/config.js';

export const MANAGEMENT_TOKEN = 'management-token-of-tests';
export const PASSWORD = 'correct horse';

/** A sandbox of one user, ada, on a port of its own that forgets everything when it ends. */
export const sandboxConfig: SandboxConfig = {
  host: '127.0.0.1',
  port: 0,
  database: undefined,
  managementToken: MANAGEMENT_TOKEN,
  accessTokenTtlSeconds: 120,
  user: 'ada',
  password: PASSWORD,
};
