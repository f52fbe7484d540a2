import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { ReportProblem } from '@keyward/service-host';
import { Webhook } from 'standardwebhooks';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { destinationSchema, type Destination } from './destination.js';
import { readSecretFile } from './secret-file.js';

const MAX_DESTINATIONS = 20;

/**
 * Reads the file of destinations, YAML or JSON, and tries every file that it names. What is wrong is reported with its place, never with a
 * value: a header may be a token.
 * @returns none where something is wrong
 */
export function readDestinations(file: string, report: ReportProblem): Destination[] {
  let problems = 0;
  const wrong = (text: string): void => {
    problems++;
    report(`KEYWARD_AUDIT_FORWARD_FILE: ${text}`);
  };
  const entries = parseEntries(file, wrong);
  const destinations = entries.flatMap((entry, index) => {
    const place = `destination ${index + 1}${nameOf(entry)}`;
    const parsed = destinationSchema.safeParse(entry);
    if (parsed.success) return [parsed.data];
    for (const text of issuesOf(parsed.error)) wrong(`${place}: ${text}.`);
    return [];
  });
  for (const [name, same] of Map.groupBy(destinations, (destination) => destination.name)) {
    if (same.length > 1) wrong(`the name "${name}" is given twice. It is what a destination's position is kept under.`);
  }
  for (const destination of destinations) checkFiles(destination, wrong);
  return problems === 0 ? destinations : [];
}

function parseEntries(file: string, wrong: ReportProblem): unknown[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    wrong(`the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`);
    return [];
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    wrong(`the file is not valid YAML or JSON: line ${lines.linePos(error.pos[0]).line}, ${error.code}.`);
    return [];
  }
  const entries = z.array(z.unknown()).max(MAX_DESTINATIONS).safeParse(document.toJS());
  if (!entries.success) wrong(`the file must hold a list of up to ${MAX_DESTINATIONS} destinations.`);
  return entries.data ?? [];
}

function nameOf(entry: unknown): string {
  const named = z.object({ name: z.string().regex(/^[\w-]{1,63}$/) }).safeParse(entry);
  return named.success ? ` ("${named.data.name}")` : '';
}

function issuesOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    const at = issue.path.join('.');
    // Of a name that is refused, its own rule says more than that the record is not valid.
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    return at === '' ? message : `${at} ${message.replace(/^Invalid input: /, '')}`;
  });
}

/** What can be known to fail before the first event does. */
function checkFiles(destination: Destination, wrong: ReportProblem): void {
  const attempt = (member: string, work: () => void): void => {
    try {
      work();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      wrong(
        `destination "${destination.name}": ${member} ${code === undefined ? (error as Error).message : `cannot be read (${code})`}.`,
      );
    }
  };
  for (const [name, source] of Object.entries(destination.headers)) {
    if (typeof source !== 'string') attempt(`headers.${name}.file`, () => readSecretFile(source.file));
  }
  const { caFile } = destination;
  if (caFile !== undefined) attempt('caFile', () => certificatesOf(caFile));
  const secretFile = destination.kind === 'webhook' ? destination.secretFile : undefined;
  if (secretFile !== undefined) attempt('secretFile', () => signerOf(secretFile));
}

/** @throws Error that does not repeat the secret */
export function signerOf(file: string): Webhook {
  const secret = readSecretFile(file);
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  if (key.length < 24 || key.length > 64) throw new Error('must hold whsec_ and the base64 of 24 to 64 bytes');
  return new Webhook(secret);
}

/** A private authority, besides those that everybody trusts. @throws Error */
export function certificatesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('must hold certificates in PEM');
  return [...rootCertificates, text];
}
