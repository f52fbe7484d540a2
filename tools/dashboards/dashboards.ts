import { audit } from './audit.js';
import { jetstream } from './jetstream.js';
import { overview } from './overview.js';
import { policy } from './policy.js';
import { refresh } from './refresh.js';
import { runtime } from './runtime.js';
import { toolCalls } from './tool-calls.js';
import { usage } from './usage.js';
import { vault } from './vault.js';

/** By the name of their file in helm/keyward/dashboards. */
export const dashboards: Readonly<Record<string, object>> = {
  'overview.json': overview,
  'tool-calls.json': toolCalls,
  'refresh.json': refresh,
  'jetstream.json': jetstream,
  'vault.json': vault,
  'audit.json': audit,
  'runtime.json': runtime,
  'policy.json': policy,
  'usage.json': usage,
};
