/** What the API can do, and how the consent page says it. */
export const API_SCOPES = {
  'notes:read': 'Read your notes',
  'notes:write': 'Create and delete notes for you',
} as const;

const IDENTITY_SCOPES: Record<string, string> = {
  openid: 'Know who you are',
  offline_access: 'Stay connected while you are away',
};

/** @param own of the vendor whose client asks, where it is one's */
export function describeScope(scope: string, own: Readonly<Record<string, string>> = {}): string {
  return { ...IDENTITY_SCOPES, ...API_SCOPES, ...own }[scope] ?? scope;
}
