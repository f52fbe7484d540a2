/** What the API can do, and how the consent page says it. */
export const API_SCOPES = {
  'notes:read': 'Read your notes',
  'notes:write': 'Create and delete notes for you',
} as const;

const IDENTITY_SCOPES: Record<string, string> = {
  openid: 'Know who you are',
  offline_access: 'Stay connected while you are away',
};

export function describeScope(scope: string): string {
  return { ...IDENTITY_SCOPES, ...API_SCOPES }[scope] ?? scope;
}
