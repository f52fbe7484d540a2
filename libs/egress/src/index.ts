export { classifyAddress, type AddressClass } from './address/classify-address.js';
export { createEgress, type EgressOptions } from './create-egress.js';
export { type Resolve } from './connect/pinned-connector.js';
export type { InjectedCredential } from './credential.js';
export { egressDenials, EgressError, type EgressDenial } from './egress-error.js';
export {
  type ClientCertificate,
  type Egress,
  type EgressFetch,
  type EgressFetchInit,
  type EgressObserver,
  type EgressRequest,
  type EgressResponse,
  type FetchOptions,
  type HopReport,
} from './egress.js';
