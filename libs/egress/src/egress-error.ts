import { KeywardError, type ErrorCode } from '@keyward/contracts';

/** Label of `egress_denied_total`: a closed set. */
export const egressDenials = [
  'url_not_allowed',
  'origin_not_allowed',
  'private_address',
  'forbidden_address',
  'cross_origin_redirect',
  'too_many_redirects',
] as const;
export type EgressDenial = (typeof egressDenials)[number];

/** Why a request got no usable answer. */
export class EgressError extends KeywardError {
  constructor(
    code: ErrorCode,
    publicMessage: string,
    /** False only where not one byte of the request can have reached the provider: then even a write may be repeated. */
    readonly requestMayHaveBeenProcessed: boolean,
    options: { cause?: unknown; denial?: EgressDenial } = {},
  ) {
    super(code, publicMessage, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'EgressError';
    this.denial = options.denial;
  }

  /** Set where the code is `egress_denied`. */
  readonly denial: EgressDenial | undefined;
}

const DENIALS: Readonly<Record<EgressDenial, string>> = {
  url_not_allowed: 'The address of this request is not one that may be called.',
  origin_not_allowed: 'This request leads to an origin that the connector does not name.',
  private_address: 'The provider’s host name leads to a private address, which is not called.',
  forbidden_address: 'The provider’s host name leads to an address that is never called.',
  cross_origin_redirect: 'The provider redirected to another origin, which is not followed.',
  too_many_redirects: 'The provider redirected more often than is followed.',
};

export function denied(denial: EgressDenial, requestMayHaveBeenProcessed = false, cause?: unknown): EgressError {
  return new EgressError('egress_denied', DENIALS[denial], requestMayHaveBeenProcessed, { denial, cause });
}
