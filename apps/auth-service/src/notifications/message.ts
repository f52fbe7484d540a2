import type { Catalog } from '@keyward/connectors';
import { amountOf, type BudgetMessage, type ConnectionMessage, type ProviderAppMessage } from '@keyward/contracts';
import { WebhookDeliveryEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { wayOf } from '../connect/flow.js';
import type { Claimed } from './claim.js';

export interface MessageOptions {
  dataSource: DataSource;
  catalogOf: (org: string) => Promise<Catalog>;
  publicUrl: string;
}

/**
 * The body, made of the connection as it is now: a person who was erased meanwhile is in none.
 * @throws KeywardError `dependency_unavailable`
 */
export async function messageOf(options: MessageOptions, claimed: Claimed): Promise<string> {
  return JSON.stringify(await about(options, claimed));
}

async function about(options: MessageOptions, claimed: Claimed): Promise<ConnectionMessage | ProviderAppMessage | BudgetMessage> {
  const { provider } = claimed;
  if (provider === null) return aboutBudget(options, claimed);
  if (claimed.connection_id === null) return aboutProviderApp({ ...claimed, provider });
  return aboutConnection(options, { ...claimed, provider });
}

type OfProvider = Claimed & { provider: string };

/** What it says was kept when it happened. */
async function aboutBudget(
  { dataSource }: MessageOptions,
  { type, occurred_at, org_id: org, endpoint_id: endpointId, event_id: eventId }: Claimed,
): Promise<BudgetMessage> {
  const { budget } = await withOrg(dataSource, org, (em) =>
    em.findOneByOrFail(WebhookDeliveryEntity, { orgId: org, endpointId, eventId }),
  );
  if (budget === null) throw new TypeError('a delivery without a provider is about a budget');
  const { id, name, period, measure, limit, used, ratio, onExceeded, resetsAt } = budget;
  const shown = (count: number) => (measure === 'cost' ? amountOf(count) : String(count));
  return {
    type,
    timestamp: occurred_at.toISOString(),
    data: {
      ...{ organization: org, budget: id, name, period, measure, limit: shown(limit), used: shown(used) },
      ...(ratio === null ? {} : { ratio }),
      ...{ onExceeded, resetsAt },
    },
  };
}

function aboutProviderApp({ type, occurred_at, org_id, provider_app_id, provider, reason }: OfProvider): ProviderAppMessage {
  return {
    type,
    timestamp: occurred_at.toISOString(),
    data: { organization: org_id, providerApp: provider_app_id ?? '', provider, ...(reason === null ? {} : { reason }) },
  };
}

async function aboutConnection(options: MessageOptions, claimed: OfProvider): Promise<ConnectionMessage> {
  const { type, occurred_at, org_id, connection_id, provider, generation, reason, connection } = claimed;
  return {
    type,
    timestamp: occurred_at.toISOString(),
    data: {
      organization: org_id,
      connection: connection_id ?? '',
      ...(connection === null ? {} : { kind: connection.kind, alias: connection.alias }),
      provider,
      user: connection?.user ?? null,
      agent: connection?.agent ?? null,
      generation: generation ?? 0,
      ...(reason === null ? {} : { reason }),
      ...(type === 'connection.needs_reauthorization' ? await howToReauthorize(options, claimed) : {}),
    },
  };
}

/** The request that makes a link. No link itself: it is short-lived, for one person, and whoever holds it can use it. */
async function howToReauthorize(
  { catalogOf, publicUrl }: MessageOptions,
  { org_id: organization, provider, connection }: OfProvider,
): Promise<Pick<ConnectionMessage['data'], 'reauthorize'>> {
  const manifest = (await catalogOf(organization)).connector(provider);
  if (connection === null || manifest === undefined) return {};
  const { kind, alias, user, agent, agents, scopes } = connection;
  const whose = kind === 'workspace' ? { kind, agents } : { agent, user };
  const path = wayOf(manifest) === undefined ? '/v1/connections' : '/v1/connect-sessions';
  const body = { organization, ...whose, provider, alias, ...(scopes.length === 0 ? {} : { scopes }) };
  return { reauthorize: { method: 'POST', url: `${publicUrl}${path}`, body } };
}
