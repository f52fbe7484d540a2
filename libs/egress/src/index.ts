export { createEgress, type EgressOptions } from './create-egress.js';
export {
  EgressError,
  type Egress,
  type EgressFetch,
  type EgressRequest,
  type EgressResponse,
  type FetchOptions,
} from './egress.js';
