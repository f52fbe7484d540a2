export interface TestKms {
  endpoint: string;
  /** For messages: which emulator this is. */
  what: string;
  stop(): Promise<void>;
}

/** Either a running emulator that passed the probe, or a sentence why not. */
export type KmsOutcome = { kms: TestKms } | { why: string };

export type KmsSource = (say: (step: string) => void) => Promise<KmsOutcome>;

/** The last line of what a program or its error said. */
export function lastLine(thrown: unknown): string {
  const { stderr, message, code } = thrown as { stderr?: string; message?: string; code?: unknown };
  if (code === 'ENOENT') return 'not there';
  const text = stderr?.trim() || message || String(thrown);
  return (text.split('\n').findLast((line) => line.trim() !== '') ?? text).slice(0, 300);
}
