import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWhenGone, ServerProcess } from '@keyward/embedded';
import type { RuleFile } from '../rules/chart-rules.js';
import { PrometheusApi } from './api.js';
import { prometheusConfig, type PrometheusConfig } from './config.js';

export interface PrometheusOptions extends Omit<PrometheusConfig, 'ruleFiles'> {
  /** The program. */
  prometheus: string;
  port: number;
  rules: readonly RuleFile[];
  /** A directory of console templates, which are pages that need nothing but the program. */
  consoles: string;
}

export interface Prometheus {
  readonly api: PrometheusApi;
  readonly pid: number;
  /** Resolves when it ended, by itself too. */
  whenExited(): Promise<string>;
  /** Takes its data along. */
  stop(): Promise<void>;
}

/**
 * A Prometheus on 127.0.0.1 with data of its own in a temporary directory; ends with this process, however that ends.
 * @throws Error with the end of its log where it does not start
 */
export async function startPrometheus({ prometheus, port, rules, consoles, ...config }: PrometheusOptions): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'keyward-observe-'));
  removeWhenGone(directory);
  mkdirSync(join(directory, 'rules'));
  const ruleFiles = rules.map(({ name, text }) => {
    const file = join(directory, 'rules', name);
    writeFileSync(file, text);
    return file;
  });
  const configFile = join(directory, 'prometheus.yml');
  writeFileSync(configFile, prometheusConfig({ ...config, ruleFiles }));
  const server = new ServerProcess({
    name: 'prometheus',
    command: prometheus,
    args: [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--web.console.templates=${consoles}`,
      '--enable-feature=exemplar-storage',
    ],
    logFile: join(directory, 'prometheus.log'),
    stopSignal: 'TERM',
  });
  const api = new PrometheusApi(`http://127.0.0.1:${port}`);
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await server.ready(async () => ((await api.isReady()) ? true : undefined));
  } catch (error) {
    await stop();
    throw error;
  }
  return { api, pid: server.pid, whenExited: () => server.whenExited(), stop };
}
