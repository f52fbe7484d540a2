import { authRequests, custodyOperations, custodySubject, executionRequests, streams, subjects } from '@keyward/contracts';
import type { NatsPermissions } from './credentials.js';

/** Every service that is a user of the account KEYWARD. */
export const NATS_SERVICES = ['audit-service', 'auth-service', 'token-refresher', 'tool-executor', 'gateway'] as const;
export type NatsService = (typeof NATS_SERVICES)[number];

/** What every service needs: to set streams up and read them, to acknowledge, to answer and to be answered. */
const EVERYONE = { publish: ['$JS.API.>', '$JS.ACK.>', '_INBOX.>'], subscribe: ['_INBOX.>'] };

/** No service has a reason to destroy what a stream holds; one that was taken over would. */
const NO_ONE = ['$JS.API.STREAM.PURGE.>', '$JS.API.STREAM.DELETE.>'];
/** A worker puts messages aside that it can't be given any more, in the work queue that it works on and in no other stream. */
const deletionsFrom = (stream: string): string => `$JS.API.STREAM.MSG.DELETE.${stream}`;
const WORKS_ON: Partial<Record<NatsService, string>> = {
  // An operator settles what was given up.
  'auth-service': streams.deadLetters,
  'token-refresher': streams.refresh,
  'tool-executor': streams.executions,
  'audit-service': streams.audit,
};

/** Where a micro-service is asked what it is and how it does (NATS ADR-32). */
const monitoringOf = (name: string): string[] => ['$SRV.*', `$SRV.*.${name}`, `$SRV.*.${name}.*`];

/** What each may say and hear besides. Only the gateway starts executions, the executor those that have waited, and auth-service those that were given up; only the executor completes them. */
const OF_SERVICE: Record<NatsService, { publish: string[]; subscribe: string[] }> = {
  gateway: {
    publish: [
      subjects.executionRequestedAll,
      subjects.auditAll,
      authRequests.createConnectSession,
      authRequests.authenticateWorkload,
      executionRequests.cancel,
      executionRequests.waiting,
    ],
    subscribe: [subjects.controlRevoked, subjects.controlCatalogChanged, executionRequests.outcome],
  },
  'auth-service': {
    publish: [
      subjects.connectionEventAll,
      subjects.providerAppEventAll,
      subjects.budgetEventAll,
      subjects.auditAll,
      subjects.controlRevoked,
      subjects.controlCatalogChanged,
      subjects.controlBudgetsChanged,
      subjects.credentialRefreshAll,
      subjects.deadLetter(streams.connections),
      // What was given up is put back when an operator says so.
      subjects.executionRequestedAll,
    ],
    subscribe: [
      ...Object.values(authRequests),
      ...custodyOperations.map(custodySubject),
      ...monitoringOf('auth'),
      subjects.controlRevoked,
      subjects.controlCatalogChanged,
    ],
  },
  'token-refresher': {
    publish: [
      subjects.connectionEventAll,
      subjects.providerAppEventAll,
      subjects.budgetEventAll,
      subjects.auditAll,
      subjects.controlRefreshPaused,
      subjects.deadLetter(streams.refresh),
    ],
    subscribe: [
      subjects.controlRevoked,
      subjects.controlCatalogChanged,
      subjects.controlRefreshPaused,
      // So that whoever waits for another replica's refresh hears that it is done.
      subjects.connectionEventAll,
    ],
  },
  'tool-executor': {
    publish: [
      subjects.executionCompletedAll,
      subjects.executionRequestedAll,
      subjects.credentialRefreshAll,
      subjects.auditAll,
      subjects.controlProviderPaused,
      subjects.controlCancelled,
      authRequests.createConnectSession,
      executionRequests.outcome,
      subjects.deadLetter(streams.executions),
      subjects.deadLetter(streams.connections),
    ],
    subscribe: [
      subjects.controlRevoked,
      subjects.controlCatalogChanged,
      subjects.controlBudgetsChanged,
      subjects.controlProviderPaused,
      subjects.controlCancelled,
      executionRequests.cancel,
      executionRequests.waiting,
    ],
  },
  'audit-service': {
    publish: [
      // Who reads the trail is in it.
      subjects.auditAll,
      subjects.deadLetter(streams.audit),
      authRequests.authenticatePerson,
    ],
    subscribe: [],
  },
};

export function servicePermissions(service: NatsService): NatsPermissions {
  const { publish, subscribe } = OF_SERVICE[service];
  const others = Object.values(streams).filter((stream) => stream !== WORKS_ON[service]);
  return {
    publish: [...EVERYONE.publish, ...publish],
    denyPublish: [...NO_ONE, ...others.map(deletionsFrom)],
    subscribe: [...EVERYONE.subscribe, ...subscribe],
    // Tokens may be in the answers to a platform.
    denySubscribe: [`${CUSTODY_CLIENT.inboxPrefix}.>`],
  };
}

/** The gateway's second login, among the agents: it hears their calls and answers them, and asks nothing. */
export const BRIDGE_PERMISSIONS: NatsPermissions = {
  publish: ['_INBOX.>', 'tool.result.>'],
  subscribe: [subjects.toolExecuteAll],
};

/**
 * For a platform that embeds Keyward and asks for custody operations itself. It names the organization and the agent that it asks for
 * and is believed, as the holder of the admin token is; it hears its own answers and nothing else.
 */
export const CUSTODY_CLIENT = { name: 'custody', inboxPrefix: '_INBOX.custody' } as const;
export const CUSTODY_PERMISSIONS: NatsPermissions = {
  publish: [...custodyOperations.map(custodySubject), ...monitoringOf('auth')],
  subscribe: [`${CUSTODY_CLIENT.inboxPrefix}.>`],
};
