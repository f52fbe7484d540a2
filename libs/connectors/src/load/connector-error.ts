/** One thing that is wrong in a connector's files. */
export interface ConnectorProblem {
  file: string;
  /** 1-based; of the nearest place that exists when something is missing. */
  line: number;
  /** JSON Pointer (RFC 6901) into the file's document. */
  pointer: string;
  detail: string;
}

/** The catalog can't be loaded. Lists everything that is wrong in the file, so that it can be mended in one go. */
export class ConnectorError extends Error {
  constructor(readonly problems: readonly ConnectorProblem[]) {
    super(problems.map(({ file, line, pointer, detail }) => `${file}:${line} (${pointer || '/'}): ${detail}`).join('\n'));
    this.name = 'ConnectorError';
  }
}
