import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** What Grafana puts in place of its variables before Prometheus sees an expression. */
const GRAFANA: Readonly<Record<string, string>> = { $__rate_interval: '1m', $__interval: '1m', $__range: '1h' };

export function withoutVariables(expression: string): string {
  return expression.replace(/\$__(?:rate_interval|interval|range)\b/g, (name) => GRAFANA[name] ?? name);
}

/** Where an expression is no PromQL: what stands there. Empty for one that is. */
export function syntaxErrors(expression: string): string[] {
  const errors: string[] = [];
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) errors.push(`at ${node.from}: ${expression.slice(Math.max(0, node.from - 20), node.to + 20)}`);
    },
  });
  return errors;
}

/** Series that an expression selects: their names, and the labels that its matchers and groupings name. */
export function selected(expression: string): { metrics: Set<string>; labels: Set<string> } {
  const metrics = new Set<string>();
  const labels = new Set<string>();
  const text = (node: Pick<SyntaxNode, 'from' | 'to'>): string => expression.slice(node.from, node.to);
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.name === 'VectorSelector') {
        const name = node.node.getChild('Identifier');
        if (name) metrics.add(text(name));
      }
      if (node.name === 'LabelName') labels.add(text(node));
    },
  });
  return { metrics, labels };
}
