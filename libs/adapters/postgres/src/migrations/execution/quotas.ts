/** What of each provider's quota is left, for all replicas together. */
export const QUOTAS = ``;
