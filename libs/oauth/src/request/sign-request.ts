import { createHmac } from 'node:crypto';
import type { TokenRequestShape } from '@keyward/connectors';

type Signature = NonNullable<TokenRequestShape['signature']>;

export interface SignedParts {
  body: string;
  parameters: URLSearchParams;
  secret: string;
  now: Date;
}

/** The headers that show that the request comes from who knows the client secret. */
export function signatureHeaders(signature: Signature, parts: SignedParts): Record<string, string> {
  const timestamp = String(parts.now.getTime());
  const digest = createHmac('sha256', parts.secret)
    .update(signedText(signature.over, timestamp, parts))
    .digest(signature.encoding);
  return {
    [signature.header]: digest,
    ...(signature.timestamp_header === undefined ? {} : { [signature.timestamp_header]: timestamp }),
  };
}

function signedText(over: Signature['over'], timestamp: string, { body, parameters }: SignedParts): string {
  switch (over) {
    case 'body':
      return body;
    case 'timestamp_and_body':
      return timestamp + body;
    case 'body_and_timestamp':
      return body + timestamp;
    case 'sorted_parameters':
      return [...parameters]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `${name}=${value}`)
        .join('&');
  }
}
