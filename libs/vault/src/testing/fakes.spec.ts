import { newId } from '@keyward/contracts';
import { describe, expect, it } from '@jest/globals';
import type { KmsContext } from '../ports.js';
import { describeDataKeyStore } from './data-key-store-contract.js';
import { findConfusedContexts } from './kms-context-ambiguity.js';
import { describeKeyManagement } from './kms-contract.js';
import { MemoryDataKeyStore } from './memory-data-key-store.js';
import { MemoryKms } from './memory-kms.js';

describeKeyManagement('The KMS in memory', async () => {
  const kms = new MemoryKms();
  return {
    kms,
    rotate: async () => {
      kms.rotate();
      return kms;
    },
  };
});

describeDataKeyStore('The store in memory', async () => {
  const store = new MemoryDataKeyStore();
  return {
    store,
    newOrganization: async () => {
      const org = newId('org');
      store.addOrganization(org);
      return org;
    },
  };
});

describe('the contract suite notices an ambiguous encryption context', () => {
  const joinings: Record<string, (context: KmsContext) => string> = {
    'values without lengths': ({ org, purpose }) => org + purpose,
    'names and values without lengths, as the emulators do': ({ org, purpose }) => `org${org}purpose${purpose}`,
    'values with a delimiter that may occur in them': ({ org, purpose }) => `${org}.${purpose}`,
    'values in no particular order': ({ org, purpose }) => [org, purpose].sort().join('\0'),
    'values without their case': ({ org, purpose }) => `${org}\0${purpose}`.toLowerCase(),
  };
  it.each(Object.entries(joinings))('%s', async (_name, join) => {
    const kms = new MemoryKms({ encode: (context) => Buffer.from(join(context)) });
    expect(await findConfusedContexts(kms)).not.toBeNull();
  });
});
