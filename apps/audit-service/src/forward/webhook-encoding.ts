import type { AuditRecord } from '@keyward/contracts';
import type { WebhookFormat } from './destination.js';
import { lineOf } from './line.js';
import type { Encoding } from './message.js';

const JSON_TYPE = 'application/json';

const FORMATS: Record<WebhookFormat, { contentType: string; write: (records: readonly AuditRecord[]) => string }> = {
  json: { contentType: JSON_TYPE, write: (records) => JSON.stringify(records.map(lineOf)) },
  jsonl: {
    contentType: 'application/x-ndjson',
    write: (records) => records.map((record) => `${JSON.stringify(lineOf(record))}\n`).join(''),
  },
  /** Objects one after the other, as Splunk's HTTP Event Collector takes several events. */
  splunk_hec: { contentType: JSON_TYPE, write: (records) => records.map((record) => JSON.stringify(hecOf(record))).join('\n') },
};

/** Index and host are the token's to say. */
function hecOf(record: AuditRecord): object {
  return {
    // Seconds with milliseconds.
    time: Date.parse(record.event.at) / 1000,
    source: 'keyward',
    sourcetype: 'keyward:audit',
    event: lineOf(record),
  };
}

export function webhookEncoding(format: WebhookFormat): Encoding {
  const { contentType, write } = FORMATS[format];
  return {
    encode: (records) => ({ contentType, body: Buffer.from(write(records)) }),
    // A status of 2xx is all that a receiver of webhooks says.
    rejected: () => ({ count: 0, reason: '' }),
  };
}
