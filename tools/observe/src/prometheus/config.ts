import { stringify } from 'yaml';

export interface PrometheusConfig {
  /** Prometheus' durations: `1s`. */
  scrapeInterval: string;
  evaluationInterval: string;
  /** `http://host:port/metrics` by service. */
  metrics: Readonly<Record<string, string>>;
  /** Absolute paths. */
  ruleFiles: readonly string[];
}

/** `prometheus.yml`. OpenMetrics, which exemplars need, is what Prometheus asks for by itself. */
export function prometheusConfig({ scrapeInterval, evaluationInterval, metrics, ruleFiles }: PrometheusConfig): string {
  return stringify({
    global: { scrape_interval: scrapeInterval, evaluation_interval: evaluationInterval, scrape_timeout: scrapeInterval },
    rule_files: [...ruleFiles],
    scrape_configs: [
      {
        job_name: 'keyward',
        // Each series says itself which service it is of.
        honor_labels: true,
        static_configs: Object.entries(metrics).map(([service, url]) => ({
          targets: [new URL(url).host],
          labels: { service },
        })),
      },
    ],
  });
}
