import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { prometheusConfig } from './config.js';

describe('prometheusConfig', () => {
  it('scrapes every service under its own name, and loads every rule file', () => {
    const text = prometheusConfig({
      ...{ scrapeInterval: '5s', evaluationInterval: '2s', ruleFiles: ['/r/a.yaml', '/r/b.yaml'] },
      metrics: { gateway: 'http://127.0.0.1:9100/metrics', 'tool-executor': 'http://127.0.0.1:9103/metrics' },
    });
    expect(parse(text)).toEqual({
      global: { scrape_interval: '5s', evaluation_interval: '2s', scrape_timeout: '5s' },
      rule_files: ['/r/a.yaml', '/r/b.yaml'],
      scrape_configs: [
        {
          job_name: 'keyward',
          honor_labels: true,
          static_configs: [
            { targets: ['127.0.0.1:9100'], labels: { service: 'gateway' } },
            { targets: ['127.0.0.1:9103'], labels: { service: 'tool-executor' } },
          ],
        },
      ],
    });
  });
});
