import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { signCheckpoint, type CheckpointSigner } from '@keyward/audit';
import { EphemeralSigner } from '@keyward/audit/testing';
import { newId } from '@keyward/contracts';
import { openObjectStore } from '@keyward/objects-open';
import { DataSource } from 'typeorm';
import { Anchors } from './anchors.js';
import { SigningKey } from './signing-key.js';

const org = newId('org');
const [HASH, OTHER] = ['a'.repeat(64), 'b'.repeat(64)];
let dir: string;
beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'keyward-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

const statement = async (signer: CheckpointSigner, hash: string, at: string) => ({
  org,
  seq: 7,
  jws: await signCheckpoint({ v: 1, org, seq: 7, hash, at, events: 7, previous: 0 }, signer),
});

describe('a place that is anchored and locked', () => {
  it('may be stated again at a later moment, but not otherwise, and by nobody else', async () => {
    const [signer, stranger] = [await EphemeralSigner.create(), await EphemeralSigner.create()];
    const [first, again] = ['2026-01-01T00:00:00.000Z', '2026-01-01T01:00:00.000Z'];
    const store = await openObjectStore({ kind: 'file', dir });
    // Only putAll asks the database.
    const database = new DataSource({ type: 'postgres' });
    const anchors = (by: CheckpointSigner) => new Anchors(database, store, new SigningKey(() => Promise.resolve(by)), 1);
    await anchors(signer).put('cuts', await statement(signer, HASH, first));
    await anchors(signer).put('cuts', await statement(signer, HASH, again));
    const conflict = { code: 'conflict' };
    await expect(anchors(signer).put('cuts', await statement(signer, OTHER, again))).rejects.toMatchObject(conflict);
    await anchors(stranger).put('checkpoints', await statement(stranger, HASH, first));
    await expect(anchors(signer).put('checkpoints', await statement(signer, HASH, again))).rejects.toMatchObject(conflict);
  });
});
