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
  promtool: string | undefined;
  /** Of this run; removed when it ends. */
  directory: string;
  rendered: readonly Rendered[];
}

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
