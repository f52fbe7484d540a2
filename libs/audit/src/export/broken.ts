import type { ExportFault, ExportFaultReason } from './verdict.js';

/** Ends a verification with its finding. */
export class ExportBroken extends Error {
  constructor(readonly fault: ExportFault) {
    super(fault.message);
  }
}

export function broken(reason: ExportFaultReason, line: number, message: string, seq?: number): ExportBroken {
  return new ExportBroken({ reason, line, message, ...(seq === undefined ? {} : { seq }) });
}
