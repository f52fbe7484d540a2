import { checkpoints, exporting, events, keys } from './audit-read.js';
import { holds } from './audit-holds.js';
import { verify } from './audit-verify.js';
import { group } from './command.js';

export const audit = group(
  'audit',
  'The audit trail: read it, export it, prove it',
  events,
  exporting,
  verify,
  checkpoints,
  keys,
  (args) => args.command(holds),
);
