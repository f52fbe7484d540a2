import { z } from 'zod';

const ANSWER_TIMEOUT_MS = 10_000;

const labels = z.record(z.string(), z.string());
const alertSchema = z.object({
  labels,
  annotations: labels,
  state: z.enum(['pending', 'firing']),
  activeAt: z.string(),
  value: z.string(),
});
const rulesSchema = z.object({
  groups: z.array(
    z.object({
      file: z.string(),
      rules: z.array(
        z.object({
          name: z.string(),
          health: z.string(),
          lastError: z.string().optional(),
          type: z.enum(['alerting', 'recording']),
          alerts: z.array(alertSchema).optional(),
        }),
      ),
    }),
  ),
});
const vectorSchema = z.object({ result: z.array(z.object({ metric: labels, value: z.tuple([z.number(), z.string()]) })) });
const targetsSchema = z.object({
  activeTargets: z.array(z.object({ health: z.string(), lastError: z.string(), scrapeUrl: z.string() })),
});

export type ActiveAlert = z.infer<typeof alertSchema>;
export type Rule = z.infer<typeof rulesSchema>['groups'][number]['rules'][number];
export type Target = z.infer<typeof targetsSchema>['activeTargets'][number];

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

/** What is asked of Prometheus, by its HTTP API. */
export class PrometheusApi {
  constructor(readonly url: string) {}

  async isReady(): Promise<boolean> {
    try {
      return (await this.#fetch('/-/ready')).ok;
    } catch {
      return false;
    }
  }

  /** Whether this build brought its pages along; Debian's has them only where the package is installed. */
  async hasPages(): Promise<boolean> {
    return (await this.#fetch('/graph')).ok;
  }

  async rules(): Promise<Rule[]> {
    const { groups } = await this.#get('/api/v1/rules', rulesSchema);
    return groups.flatMap((group) => group.rules);
  }

  async targets(): Promise<Target[]> {
    return (await this.#get('/api/v1/targets?state=active', targetsSchema)).activeTargets;
  }

  /** The value of each series now. */
  async query(expression: string): Promise<Sample[]> {
    const { result } = await this.#get(`/api/v1/query?query=${encodeURIComponent(expression)}`, vectorSchema);
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  #fetch(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  }

  async #get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const response = await this.#fetch(path);
    if (!response.ok)
      throw new Error(`Prometheus answered ${response.status} to ${path}: ${(await response.text()).slice(0, 300)}`);
    return z.object({ data: schema }).parse(await response.json()).data;
  }
}
