/** What this library says, to whatever logger the host has. Its shape is pino's. */
export interface LogPort {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
