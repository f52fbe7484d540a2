import type { ActiveAlert, Rule } from '../prometheus/api.js';

export type AlertState = 'inactive' | 'pending' | 'firing';

export interface AlertChange {
  alert: string;
  /** Without `alertname`. */
  labels: Record<string, string>;
  from: AlertState;
  to: AlertState;
  /** As they read now; those of its last state when it is inactive. */
  annotations: Record<string, string>;
  value: string;
}

/** Tells what became of alerts between one look at Prometheus and the next. */
export class AlertChanges {
  #last = new Map<string, ActiveAlert>();

  /** @param rules all of them, as Prometheus has them now */
  since(rules: readonly Rule[]): AlertChange[] {
    const now = new Map(rules.flatMap(({ alerts = [] }) => alerts).map((alert) => [identity(alert), alert]));
    const changes: AlertChange[] = [];
    for (const [id, alert] of now) {
      const from = this.#last.get(id)?.state ?? 'inactive';
      if (from !== alert.state) changes.push(changeOf(alert, from, alert.state));
    }
    for (const [id, alert] of this.#last) if (!now.has(id)) changes.push(changeOf(alert, alert.state, 'inactive'));
    this.#last = now;
    return changes;
  }
}

function identity({ labels }: ActiveAlert): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function changeOf({ labels, annotations, value }: ActiveAlert, from: AlertState, to: AlertState): AlertChange {
  const { alertname = '', ...rest } = labels;
  return { alert: alertname, labels: rest, from, to, annotations, value };
}

/** For a line on a terminal: `KeywardBreakerOpen {provider="x"}: pending → firing`. */
export function describeChange({ alert, labels, from, to }: AlertChange): string {
  const shown = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return `${alert} {${shown.join(', ')}}: ${from} → ${to}`;
}
