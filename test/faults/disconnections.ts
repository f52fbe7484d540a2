import { createCatalogs, loadCatalog } from '@keyward/connectors';
import { createEgress } from '@keyward/egress';
import { withOrg } from '@keyward/postgres';
import { pino } from 'pino';
import { ProviderRevocations } from '../../apps/auth-service/src/connections/provider-revocations.js';
import { revokeBatch } from '../../apps/auth-service/src/connections/revoke-batch.js';
import { behaviours } from './behaviours.js';
import type { FaultConnection, FaultWorld } from './fault-world.js';

/** Disconnecting, as auth-service does it: here at once, at the provider until it confirms. */
export class Disconnections {
  private constructor(
    private readonly faultWorld: FaultWorld,
    private readonly revocations: ProviderRevocations,
  ) {}

  static start(faultWorld: FaultWorld): Disconnections {
    const variables = Object.fromEntries(behaviours.map((behaviour) => [behaviour, { url: faultWorld.providerUrl(behaviour) }]));
    const logger = pino({ level: 'silent' });
    const deployment = loadCatalog(faultWorld.connectors, variables);
    const revocations = new ProviderRevocations({
      logger,
      dataSource: faultWorld.world.authSource,
      credentials: faultWorld.world.credentials,
      catalogs: createCatalogs({ deployment, load: async () => [], logger }),
      egress: createEgress({ privateOrigins: behaviours.map((behaviour) => faultWorld.providerUrl(behaviour)) }),
    });
    revocations.start();
    return new Disconnections(faultWorld, revocations);
  }

  async disconnect({ org, connection: id }: FaultConnection): Promise<void> {
    const actor = { kind: 'admin', id: 'test' } as const;
    await withOrg(this.faultWorld.world.authSource, org, (em) => revokeBatch(em, { org, id, actor, reason: 'disconnected' }));
    this.revocations.notify();
  }

  stop(): Promise<void> {
    return this.revocations.stop();
  }
}
