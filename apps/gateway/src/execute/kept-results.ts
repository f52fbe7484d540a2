import { KeywardError, streams, subjects, type AgentAddress, type ExecutionResult } from '@keyward/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** Outcomes of the last 24 h, in stream RESULTS. */
export class KeptResults {
  constructor(private readonly nc: NatsConnection) {}

  /**
   * Looks under the agent's own subject only, so that a foreign execution is as absent as one that never was.
   * @throws KeywardError `dependency_unavailable`
   */
  async find({ org, agent }: AgentAddress, id: string): Promise<ExecutionResult | undefined> {
    try {
      // No check of the account's limits first: that would be a round trip per look-up.
      const manager = await jetstreamManager(this.nc, { checkAPI: false });
      const kept = await manager.streams.getMessage(streams.results, {
        last_by_subj: subjects.executionCompleted(org, agent, id),
      });
      return kept === null ? undefined : kept.json<ExecutionResult>();
    } catch (cause) {
      throw new KeywardError('dependency_unavailable', 'Kept results can not be read at the moment.', { cause });
    }
  }
}
