export { LAB_CLIENT } from './lab-client.js';
export { startQuirkLab, type CodeWebhook, type QuirkLab } from './quirk-lab.js';
export type {
  AnswerQuirks,
  AuthorizeQuirks,
  CallbackQuirks,
  Issued,
  Quirks,
  RequestQuirks,
  RevocationQuirks,
  StepQuirks,
} from './quirks.js';
