import type { Toolbox } from '../toolbox/toolbox.js';

/** What every step works with. Paths are absolute. */
export interface Workplace {
  root: string;
  chart: string;
  /** Value sets beside the chart's examples. */
  edges: string;
  /** k8s/ */
  manifests: string;
  /** The stored schemas. */
  schemas: string;
  tools: Toolbox;
  /** Fetched where it is not there yet, and once. */
  promtool(): Promise<Promtool>;
  /** Of this run; removed when it ends. */
  directory: string;
  rendered: readonly Rendered[];
}

/** Where promtool is, or why there is none, with what helps. */
export type Promtool = { program: string } | { missing: string };

/** One value set of the chart, or one overlay of k8s/, as one version of Kubernetes would be given it. */
export interface Rendered {
  /** `chart/production-aws`, `k8s/evaluation`. */
  name: string;
  /** `1.30` */
  kubernetes: string;
  file: string;
}

export interface Outcome {
  /** One line about what was looked at: "18 renderings, 412 objects". */
  summary: string;
  /** Empty when all is well. */
  problems: string[];
  /** Why nothing was looked at; then there are no problems to tell. */
  skipped?: string;
}

export interface Step {
  name: string;
  /** What it shows, for --help. */
  shows: string;
  run(workplace: Workplace): Promise<Outcome>;
}
