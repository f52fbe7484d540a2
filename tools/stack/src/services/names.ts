/** In the order in which they are started; stopped in the reverse. */
export const SERVICES = ['audit-service', 'auth-service', 'token-refresher', 'tool-executor', 'gateway'] as const;
export type ServiceName = (typeof SERVICES)[number];
