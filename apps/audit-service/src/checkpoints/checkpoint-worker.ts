import { KeywardError } from '@keyward/contracts';
import type { DataSource } from 'typeorm';
import { eachOf } from '../background/each-of.js';
import { exclusively } from '../background/exclusively.js';
import type { Anchors } from './anchors.js';
import { ChainContradiction, type Checkpoints } from './checkpoints.js';
import type { CheckpointMetrics } from './metrics.js';

const PAGE = 500;
/** Each holds a connection while the key signs. */
const PARALLEL = 2;

/** Three methods of the service's logger. */
export interface CheckpointLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface Parts {
  database: DataSource;
  checkpoints: Checkpoints;
  anchors: Anchors | undefined;
  metrics: CheckpointMetrics;
  log: CheckpointLog;
}

/** One round: signs where the chains stand that have moved, then puts copies of new checkpoints where they can't be taken back. */
export class CheckpointWorker {
  constructor(private readonly parts: Parts) {}

  /** Never throws. What fails is counted and told, and tried again in the next round; meanwhile ingest goes on. */
  async round(stopping: AbortSignal): Promise<void> {
    const { database, anchors } = this.parts;
    await exclusively(database, 'audit.checkpoints', async () => {
      await this.#signAll(stopping).catch((thrown: unknown) => this.#failed('sign', thrown));
      if (anchors === undefined) return;
      await anchors
        .putAll(stopping, (org, seq) => this.#contradicted(org, seq))
        .catch((thrown: unknown) => this.#failed('anchor', thrown));
    }).catch((thrown: unknown) => this.#failed('sign', thrown));
  }

  async #signAll(stopping: AbortSignal): Promise<void> {
    const { checkpoints, log } = this.parts;
    let signed = 0;
    for (let after: string | undefined = ''; after !== undefined && !stopping.aborted;) {
      const orgs: string[] = await checkpoints.unsigned(after, PAGE);
      await eachOf(orgs, PARALLEL, async (org) => {
        if (stopping.aborted) return;
        await this.#sign(org);
        signed++;
      });
      after = orgs.length < PAGE ? undefined : orgs.at(-1);
    }
    if (signed > 0) log.debug({ chains: signed }, 'chains that have moved are signed');
  }

  async #sign(org: string): Promise<void> {
    const { checkpoints, metrics, log } = this.parts;
    try {
      await checkpoints.signHead(org);
    } catch (thrown) {
      // Without the database or the key the others would fail like this one.
      if (thrown instanceof KeywardError) throw thrown;
      metrics.failed('sign');
      if (thrown instanceof ChainContradiction)
        log.error(
          { organization: org },
          'the chain of an organization has been changed since it was signed; it is signed no more',
        );
      else log.error({ err: thrown, organization: org }, 'the chain of an organization could not be signed');
    }
  }

  #contradicted(organization: string, seq: number): void {
    this.parts.metrics.failed('anchor');
    this.parts.log.error(
      { organization, seq },
      'another statement of the same place of this chain is anchored: the chain was made anew, or the database put back',
    );
  }

  #failed(step: 'sign' | 'anchor', thrown: unknown): void {
    this.parts.metrics.failed(step);
    this.parts.log.warn(
      { err: thrown },
      step === 'sign' ? 'chains could not be signed; they will be' : 'checkpoints could not be anchored; they will be',
    );
  }
}
