import { openApiDocument as documentOf, type JsonSchema } from '@keyward/service-host';
import { agentsApi } from './agents.js';
import { budgetsApi } from './budgets.js';
import { connectApi } from './connect.js';
import { connectionsApi } from './connections.js';
import { custodyApi } from './custody.js';
import { deadLettersApi } from './dead-letters.js';
import { governanceApi } from './governance.js';
import { notificationsApi } from './notifications.js';
import { organizationsApi } from './organizations.js';
import { peopleApi } from './people.js';

const bearer = (bearerFormat: string, description: string) => ({ type: 'http', scheme: 'bearer', bearerFormat, description });

const INFO = {
  title: 'Keyward auth-service',
  description: 'For the people who administer: organizations, agents, connections. No provider token is ever in an answer.',
  securitySchemes: {
    adminToken: bearer('opaque', 'The deployment’s admin token: owner of every organization.'),
    personToken: bearer('kwp_…', 'Of a command line that somebody signed in: what that person’s roles allow.'),
    session: {
      type: 'apiKey',
      in: 'cookie',
      name: '__Host-keyward-session',
      description: 'Of a browser that is signed in; changes must come from our own pages.',
    },
    agentKey: bearer('kwa_…', 'An agent key.'),
    workload: bearer('JWT', 'A workload identity of a trusted issuer.'),
  },
  access: ['adminToken', 'personToken', 'session'],
};

export function openApiDocument(): JsonSchema {
  const parts = [
    organizationsApi,
    peopleApi,
    agentsApi,
    governanceApi,
    budgetsApi,
    connectionsApi,
    connectApi,
    custodyApi,
    notificationsApi,
    deadLettersApi,
  ];
  return documentOf(INFO, parts);
}
