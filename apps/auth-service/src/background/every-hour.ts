const HOUR_MS = 3_600_000;

/** First after an hour. Replicas that do it at the same time find less to do. @returns what stops it */
export function everyHour(task: () => Promise<void>, onFailure: (error: unknown) => void): () => void {
  const timer = setInterval(() => void task().catch(onFailure), HOUR_MS);
  timer.unref();
  return () => clearInterval(timer);
}
