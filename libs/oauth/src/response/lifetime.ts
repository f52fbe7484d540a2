import type { TokenResponseShape } from '@keyward/connectors';

/** Ten years: what is longer is not a lifetime but a way to say "for ever". */
const MAX_LIFETIME_SECONDS = 315_360_000;

type ExpiryFormat = TokenResponseShape['expires']['format'];

const MS_PER: Partial<Record<ExpiryFormat, number>> = { seconds: 1000, milliseconds: 1, minutes: 60_000 };
const EPOCH_MS_PER: Partial<Record<ExpiryFormat, number>> = { epoch_seconds: 1000, epoch_milliseconds: 1 };

/** What is left of the token's life, in whole seconds of at least 1; undefined for everything that does not say so. */
export function lifetimeSeconds(value: unknown, format: ExpiryFormat, now: Date): number | undefined {
  const ms = lifetimeMs(value, format, now);
  if (ms === undefined || !(ms >= 1000)) return undefined;
  return Math.min(Math.floor(ms / 1000), MAX_LIFETIME_SECONDS);
}

function lifetimeMs(value: unknown, format: ExpiryFormat, now: Date): number | undefined {
  if (format === 'date_time') return typeof value === 'string' ? momentMs(value, now) : undefined;
  if (format === 'days_hours_minutes') return typeof value === 'string' ? daysHoursMinutesMs(value) : undefined;
  const number = numberOf(value);
  if (number === undefined) return undefined;
  const epoch = EPOCH_MS_PER[format];
  return epoch === undefined ? number * (MS_PER[format] ?? 1000) : number * epoch - now.getTime();
}

/** A number, also as a string of digits. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

/** RFC 3339; without a zone, UTC is meant. */
function momentMs(text: string, now: Date): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)\s?([Zz]|[+-]\d\d:?\d\d)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, day, time, zone = 'Z'] = match;
  const moment = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(moment) ? undefined : moment - now.getTime();
}

/** D:HH:MM */
function daysHoursMinutesMs(text: string): number | undefined {
  const match = /^(\d{1,4}):(\d{1,2}):(\d{1,2})$/.exec(text.trim());
  if (match === null) return undefined;
  const [days = 0, hours = 0, minutes = 0] = match.slice(1).map(Number);
  return ((days * 24 + hours) * 60 + minutes) * 60_000;
}
