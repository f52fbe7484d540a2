export {
  methods,
  type Content,
  type Contract,
  type Method,
  type Operation,
  type Parameter,
  type PathItem,
  type SourceFacts,
} from './contract/contract.js';
export type { SentRequest } from './contract/judge-request.js';
export { addressPattern, covers, literalLength, namesOf } from './contract/path-template.js';
export { parsed } from './contract/texts.js';
export { VendorContract } from './contract/vendor-contract.js';
export { isObject, type Schema } from './schema.js';
export { generate } from './vendor/generate.js';
export { laidOver } from './vendor/laid-over.js';
export { openVendor } from './vendor/open-vendor.js';
export { textOfPattern } from './vendor/text-of-pattern.js';
export type { Heard, Knowledge, Known, Reply, Vendor } from './vendor/vendor.js';
