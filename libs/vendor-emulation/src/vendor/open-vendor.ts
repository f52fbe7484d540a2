import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GraphqlVendor } from './graphql-vendor.js';
import { RestVendor } from './rest-vendor.js';
import { undescribed, type Vendor } from './vendor.js';

/** The vendor that the contract in a connector's folder describes. */
export function openVendor(folder: string): Vendor {
  const [rest, graphql] = [join(folder, 'contract.json'), join(folder, 'contract.graphql')];
  if (existsSync(rest)) return RestVendor.read(rest);
  return existsSync(graphql) ? GraphqlVendor.read(graphql) : undescribed;
}
