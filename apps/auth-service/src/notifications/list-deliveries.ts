import type { WebhookDelivery } from '@keyward/contracts';
import { WebhookDeliveryEntity, withOrg } from '@keyward/postgres';
import { LessThan, type DataSource } from 'typeorm';
import { PAGE_SIZE, pageOf } from '../records/page.js';
import { findEndpoint } from './webhook-endpoints.js';

interface Deliveries {
  deliveries: WebhookDelivery[];
  nextCursor: string | null;
}

/**
 * What an endpoint was sent and how that went, newest first.
 * @param before id at which the page before this one ended
 * @throws KeywardError `not_found`, `dependency_unavailable`
 */
export async function listDeliveries(
  dataSource: DataSource,
  org: string,
  endpoint: string,
  before: string | undefined,
): Promise<Deliveries> {
  const rows = await withOrg(dataSource, org, async (em) => {
    await findEndpoint(em, org, endpoint);
    return em.find(WebhookDeliveryEntity, {
      where: { orgId: org, endpointId: endpoint, ...(before === undefined ? {} : { eventId: LessThan(before) }) },
      order: { eventId: 'DESC' },
      take: PAGE_SIZE + 1,
    });
  });
  const { rows: deliveries, nextCursor } = pageOf(rows.map(toDelivery));
  return { deliveries, nextCursor };
}

function toDelivery(row: WebhookDeliveryEntity): WebhookDelivery {
  return {
    id: row.eventId,
    type: row.type,
    connection: row.connectionId,
    providerApp: row.providerAppId,
    budget: row.budget?.id ?? null,
    state: row.state,
    attempts: row.attempts,
    status: row.lastStatus,
    error: row.lastError,
    createdAt: row.createdAt.toISOString(),
    nextAttemptAt: row.state === 'pending' ? row.nextAttemptAt.toISOString() : null,
    settledAt: row.settledAt?.toISOString() ?? null,
  };
}
