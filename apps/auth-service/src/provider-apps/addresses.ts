/** Distinct per organization and registration, so that one provider's answer can't be passed off as another's (RFC 9700 section 4.4). */
export function redirectUriOf(publicUrl: string, context: string): string {
  return `${publicUrl}/oauth/callback/${context}`;
}

/** Our client id metadata document for one redirect URI. */
export function clientMetadataUrlOf(publicUrl: string, context: string): string {
  return `${publicUrl}/oauth/clients/${context}`;
}
