export interface ClientDescription {
  /** Shown to the person who consents, such as `Keyward (Acme Inc.)`. */
  clientName: string;
  /** Of one context each (RFC 9700 section 4.4). */
  redirectUri: string;
  clientUri?: string | undefined;
}

/** RFC 7591 section 2: what we say of ourselves, to a registration endpoint and in our own document alike. */
export function clientMetadata({ clientName, redirectUri, clientUri }: ClientDescription) {
  return {
    client_name: clientName,
    ...(clientUri === undefined ? {} : { client_uri: clientUri }),
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'web',
  };
}

/**
 * The document that stands at `clientMetadataUrl` and is the client's registration wherever that URL is given as client id (OAuth
 * Client ID Metadata Document). A public client: whoever reads a document knows all that is in it.
 */
export function clientMetadataDocument(clientMetadataUrl: string, description: ClientDescription) {
  return { client_id: clientMetadataUrl, ...clientMetadata(description), token_endpoint_auth_method: 'none' };
}

/** The draft's section 3: https, a path, and only one way to write it. Without exception for loopback: the server must come and read it. */
export function isClientMetadataUrl(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === 'https:' && url.href === text && url.pathname !== '/' && url.origin + url.pathname === text;
}
