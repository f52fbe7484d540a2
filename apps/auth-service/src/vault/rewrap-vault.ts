import { asKeywardError, type RewrapProgress, type RewrapSummary } from '@keyward/contracts';
import type { Credentials, RewrapReport } from '@keyward/credentials';
import type { Logger } from 'pino';

/** A line more often than this says nothing to a person. */
const PROGRESS_MS = 200;

/** Wrapping all data keys under the KMS's current key, told while it goes on. */
export class RewrapVault {
  constructor(
    private readonly credentials: Credentials,
    private readonly logger: Logger,
  ) {}

  /** @throws KeywardError where it could not even begin */
  async rewrap(
    { after, signal }: { after: string | undefined; signal: AbortSignal },
    tell: (line: RewrapProgress | RewrapSummary) => void,
  ): Promise<void> {
    let toldAt = 0;
    const onProgress = (report: RewrapReport) => {
      if (Date.now() - toldAt < PROGRESS_MS) return;
      toldAt = Date.now();
      tell(progressOf(report));
    };
    const report = await this.credentials.rewrapDataKeys({ after: after ?? null, signal, onProgress });
    for (const { org, dataKeyId, reason } of report.failed) {
      this.logger.error({ org, dataKey: dataKeyId, err: reason }, 'a data key was not wrapped anew');
    }
    if (signal.aborted) return;
    tell(summaryOf(report));
  }
}

function progressOf({ processed, failed, resumeAfter }: RewrapReport): RewrapProgress {
  return { processed, failed: failed.length, resumeAfter };
}

function summaryOf(report: RewrapReport): RewrapSummary {
  const failures = report.failed.map(({ org, dataKeyId, reason }) => ({
    organization: org,
    dataKey: dataKeyId,
    code: asKeywardError(reason).code,
  }));
  return {
    ...progressOf(report),
    complete: report.complete,
    failures,
    ...(report.stoppedBy === undefined ? {} : { stoppedBy: asKeywardError(report.stoppedBy).code }),
  };
}
